import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, chartDirectory, helm as runHelm, operatorNamespace } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { releases, wantedMinor } from '../../tools/cluster/releases.ts'
import { accountUser, Kubectl } from './kubectl.ts'

let plane: ControlPlane
let kubectl: Kubectl
const controller = accountUser(operatorNamespace, 'signet-controller')
const crd = 'crd/serviceidentities.signet.dev'

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
}, buildTimeout)

afterAll(() => plane.stop())

/** Helm against the control plane, which has no node: nothing is waited for. */
async function helm(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runHelm([...args, '--kubeconfig', plane.kubeconfig])
  if (code !== 0) throw new Error(stderr)
  return stdout
}

const install = ['install', 'signet', chartDirectory, '--namespace', operatorNamespace, '--create-namespace']

function bundles(): Promise<string> {
  const configurations = 'mutatingwebhookconfiguration/signet,validatingwebhookconfiguration/signet'.split(',')
  return kubectl.run(['get', ...configurations, '-o', 'jsonpath={.items[*].webhooks[*].clientConfig.caBundle}'])
}

describe('a release', () => {
  it('is tested on the Kubernetes that SIGNET_KUBERNETES names', async () => {
    const { serverVersion } = await kubectl.json<{ serverVersion: { gitVersion: string } }>(['version'])
    expect(serverVersion.gitVersion).toBe(releases[wantedMinor()].version)
  })

  it('is installed and says what to do next', async () => {
    const notes = await helm(...install)
    expect(notes).toContain(`Signet 0.1.0 is installed in the namespace ${operatorNamespace}.`)
    expect(notes).toContain(`helm test signet -n ${operatorNamespace}`)
    expect(notes).not.toContain('WARNING')
    await kubectl.run(['wait', '--for=condition=Established', crd, '--timeout=120s'])
  })

  it('is refused a second time, under another name in another namespace', async () => {
    const second = ['install', 'other', chartDirectory, '--namespace', 'other', '--create-namespace']
    await expect(helm(...second)).rejects.toThrow(/invalid ownership metadata/)
  })

  it('keeps the caBundle that the controller wrote when it is upgraded', async () => {
    // The API server takes nothing but certificates; its own will do.
    const config = ['config', 'view', '--raw', '-o', 'jsonpath={.clusters[0].cluster.certificate-authority-data}']
    const caBundle = await kubectl.run(config)
    expect(await bundles()).toBe('')
    const apply = ['apply', '--server-side', '--field-manager=signet', '--force-conflicts']
    for (const [kind, name] of [
      ['MutatingWebhookConfiguration', 'pods.signet.dev'],
      ['ValidatingWebhookConfiguration', 'serviceidentities.signet.dev'],
    ] as const) {
      const webhooks = [{ name, clientConfig: { caBundle } }]
      const input = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: 'signet' }, webhooks }
      await kubectl.run([...apply, '-f', '-'], { input, as: controller })
    }
    const before = await bundles()
    expect(before).toBe(`${caBundle} ${caBundle}`)
    await helm('upgrade', 'signet', chartDirectory, '--namespace', operatorNamespace, '--set', 'nudge=Always')
    expect(await bundles()).toBe(before)
    const args = await kubectl.run(['get', 'deployment', 'signet-controller', '-n', operatorNamespace, '-o', 'yaml'])
    expect(args).toContain('--nudge=Always')
  })

  it('leaves the number of replicas to the autoscaler, from the upgrade that enables it on', async () => {
    const authority = ['deployment', 'signet-authority', '-n', operatorNamespace]
    const replicas = () => kubectl.run(['get', ...authority, '-o', 'jsonpath={.spec.replicas}'])
    const redis = [
      String.raw`redis.url=redis+sentinel://a\,b/master`,
      'redis.passwordSecret.name=redis',
      'networkPolicy.enabled=true',
    ]
    const upgrade = () => {
      const set = ['authority.autoscaling.enabled=true', ...redis].flatMap((value) => ['--set', value])
      return helm('upgrade', 'signet', chartDirectory, '--namespace', operatorNamespace, ...set)
    }
    await upgrade()
    expect(await replicas()).toBe('2')
    await kubectl.run(['scale', ...authority, '--replicas=7'])
    await upgrade()
    expect(await replicas()).toBe('7')
    const autoscaler = ['get', 'hpa', 'signet-authority', '-n', operatorNamespace, '-o', 'jsonpath={.spec.maxReplicas}']
    expect(await kubectl.run(autoscaler)).toBe('10')
    await helm('upgrade', 'signet', chartDirectory, '--namespace', operatorNamespace, '--reset-values')
    expect(await replicas()).toBe('2')
  })

  it('upgrades the CRD', async () => {
    await kubectl.run(['patch', crd, '--type=json', '-p', '[{"op":"remove","path":"/spec/names/shortNames"}]'])
    await helm('upgrade', 'signet', chartDirectory, '--namespace', operatorNamespace)
    expect(await kubectl.run(['get', crd, '-o', 'jsonpath={.spec.names.shortNames}'])).toBe('["sid"]')
  })

  it('that is uninstalled leaves the CRD and the identities, and nothing else', async () => {
    await kubectl.run(['delete', 'validatingwebhookconfiguration', 'signet'])
    const identity = { apiVersion: 'signet.dev/v1alpha1', kind: 'ServiceIdentity', metadata: { name: 'orders' } }
    await kubectl.run(['create', '-n', 'default', '-f', '-'], { input: identity })
    await helm('uninstall', 'signet', '--namespace', operatorNamespace)
    expect(await kubectl.run(['get', 'sid', '-A', '-o', 'name'])).toContain('serviceidentity.signet.dev/orders')
    const kinds = [
      'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings',
      'mutatingwebhookconfigurations,validatingwebhookconfigurations,deployments,services,serviceaccounts,roles',
    ].join(',')
    const left = ['get', kinds, '-A', '-l', 'app.kubernetes.io/instance=signet', '-o', 'name']
    expect(await kubectl.run(left)).toBe('')
  })

  it('is installed again over the CRD that was kept', async () => {
    await helm(...install, '--set', 'admissionPolicies.enabled=false')
    expect(await kubectl.run(['get', 'sid', '-A', '-o', 'name'])).toContain('serviceidentity.signet.dev/orders')
    const notes = await helm('get', 'notes', 'signet', '--namespace', operatorNamespace)
    expect(notes).toContain('WARNING: admissionPolicies.enabled is false')
  })
})
