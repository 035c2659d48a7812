import { identitySecretType } from '../../src/identity/workload.ts'
import { operatorNamespace, renderChart } from '../chart/helm.ts'
import { startControlPlane } from '../../tools/cluster/control-plane.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { startControllers } from './controller-manager.ts'
import { accountUser, Kubectl } from './kubectl.ts'

export const namespace = 'shop'
export const controller = accountUser(operatorNamespace, 'signet-controller')
export const authority = accountUser(operatorNamespace, 'signet-authority')
export const dryRun = ['create', '--dry-run=server', '-f', '-']

export interface EnforcedPolicies {
  kubectl: Kubectl
  stop: () => Promise<void>
}

/** A control plane that enforces the admission policies of the rendered chart, with the controllers that it must not disturb. */
export async function startEnforced(): Promise<EnforcedPolicies> {
  const plane = await startControlPlane()
  const kubectl = await Kubectl.of(plane)
  const objects = [
    ...[operatorNamespace, namespace, 'off'].map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })),
    ...['orders', 'payments', 'default'].map((name) => serviceAccount(name)),
    serviceAccount('orders', operatorNamespace),
    serviceAccount('orders', 'kube-system'),
    serviceAccount('orders', 'off'),
  ]
  await kubectl.apply(objects)
  await kubectl.run(['label', 'namespace', 'off', 'signet.dev/injection=disabled'])
  // Only because kubectl reads what it patches; the controller does not.
  const reader = ['--verb=get', '--resource=pods/status']
  await kubectl.run(['create', 'clusterrole', 'status-reader', ...reader])
  const binding = ['create', 'clusterrolebinding', 'status-reader', '--clusterrole=status-reader']
  await kubectl.run([...binding, `--serviceaccount=${operatorNamespace}:signet-controller`])
  const kinds = /^ValidatingAdmissionPolicy(Binding)?$|Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => kinds.test(kind)))
  const stopControllers = await startControllers(plane, [
    'garbage-collector-controller',
    'namespace-controller',
    'validatingadmissionpolicy-status-controller',
  ])
  await waitFor({
    what: 'every admission policy to be enforced',
    limitMs: 60_000,
    until: async () => {
      const bare = await kubectl.try(dryRun, { input: pod({}, { labels: { 'signet.dev/inject': 'true' } }) })
      const foreign = await kubectl.try(dryRun, { input: pod({ volumes: [secretVolume('signet.payments')] }) })
      const taken = await kubectl.try(dryRun, { input: secret('signet.x') })
      const other = await kubectl.try(dryRun, { input: secret('x'), as: controller })
      const key = await kubectl.try(dryRun, { input: revocation('x', { keyID: 'k'.repeat(43) }), as: authority })
      const own = [
        secret('', { metadata: { name: 'signet-keys.authority', namespace: operatorNamespace } }),
        {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'signet-jwks.authority', namespace: operatorNamespace },
        },
      ].map((input) => kubectl.try(dryRun, { input }))
      return [bare, foreign, taken, other, key, ...(await Promise.all(own))].every(({ stderr }) =>
        stderr.includes('ValidatingAdmissionPolicy'),
      )
    },
  })
  const stop = async () => {
    await stopControllers()
    await plane.stop()
  }
  return { kubectl, stop }
}

function serviceAccount(name: string, where = namespace) {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: where } }
}

export function pod(spec: object, metadata: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'orders', namespace, ...metadata },
    spec: { serviceAccountName: 'orders', containers: [container({})], ...spec },
  }
}

export function container(fields: object, name = 'app') {
  return { name, image: 'example/app:1', ...fields }
}

export function secret(name: string, fields: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: identitySecretType,
    stringData: { token: 'x' },
    ...fields,
  }
}

export function revocation(name: string, spec: object) {
  const metadata = { name, namespace }
  return { apiVersion: 'signet.dev/v1alpha1', kind: 'TokenRevocation', metadata, spec: { identity: 'orders', ...spec } }
}

export function secretVolume(secretName: string) {
  return { name: 'v', secret: { secretName } }
}

export function projected(name: string, volume = 'v') {
  return { name: volume, projected: { sources: [{ configMap: { name: 'c' } }, { secret: { name } }] } }
}

export function environment(name: string) {
  return {
    env: [
      { name: 'A', value: 'b' },
      { name: 'T', valueFrom: { secretKeyRef: { name, key: 'token' } } },
    ],
  }
}

export function environmentFrom(name: string) {
  return { envFrom: [{ configMapRef: { name: 'c' } }, { secretRef: { name } }] }
}
