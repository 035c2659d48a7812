import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { buildTimeout, helm, type Manifest, operatorNamespace, renderChart, renderError, type Values } from './helm.ts'

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
  resourceNames?: string[]
}
interface Container {
  name: string
  image: string
  args: string[]
  volumeMounts?: { name: string; mountPath: string; readOnly?: boolean }[]
  resources: { limits?: Record<string, string> }
  securityContext: unknown
}
interface PodSpec {
  containers: Container[]
  initContainers?: Container[]
  serviceAccountName?: string
  automountServiceAccountToken: boolean
  enableServiceLinks: boolean
  terminationGracePeriodSeconds: number
  hostNetwork?: boolean
  hostPID?: boolean
  securityContext: unknown
  volumes?: { name: string; secret?: { secretName: string; optional?: boolean; items?: unknown } }[]
}

let manifests: Manifest[] = []
beforeAll(async () => {
  await helm(['version'])
  manifests = await renderChart({ networkPolicy: { enabled: true } })
}, buildTimeout)

function of(kind: string, from = manifests): Manifest[] {
  return from.filter((manifest) => manifest.kind === kind)
}

function podSpecs(): [string, PodSpec][] {
  return manifests.flatMap((manifest): [string, PodSpec][] => {
    if (manifest.kind === 'Pod') return [[manifest.metadata.name, manifest['spec'] as PodSpec]]
    if (manifest.kind !== 'Deployment') return []
    return [[manifest.metadata.name, (manifest['spec'] as { template: { spec: PodSpec } }).template.spec]]
  })
}

/** The rules that the bindings give to an account, with the namespace they hold in (undefined = everywhere). */
function rulesOf(account: string, from = manifests): [string | undefined, Rule][] {
  return from.flatMap((binding): [string | undefined, Rule][] => {
    if (binding.kind !== 'RoleBinding' && binding.kind !== 'ClusterRoleBinding') return []
    const subjects = binding['subjects'] as { name: string }[]
    if (!subjects.some(({ name }) => name === account)) return []
    const { kind, name } = binding['roleRef'] as { kind: string; name: string }
    const role = from.find(
      ({ kind: k, metadata }) =>
        k === kind && metadata.name === name && metadata.namespace === binding.metadata.namespace,
    )
    if (role === undefined) throw new Error(`${binding.kind} ${binding.metadata.name} names a role that is not there`)
    return (role['rules'] as Rule[]).map((rule) => [binding.metadata.namespace, rule])
  })
}

describe('every pod of the chart', () => {
  it('is restricted as Pod Security asks', () => {
    expect(
      podSpecs()
        .map(([name]) => name)
        .sort(),
    ).toEqual(['signet-authority', 'signet-controller', 'signet-test-authority', 'signet-webhook'])
    for (const [, spec] of podSpecs()) {
      expect(spec.securityContext).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 65532,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect([spec.hostNetwork, spec.hostPID, spec.initContainers]).toEqual([undefined, undefined, undefined])
      for (const container of spec.containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
      }
    }
  })

  it('has a limit of memory and none of CPU', () => {
    for (const [, spec] of podSpecs()) {
      for (const { resources } of spec.containers) expect(Object.keys(resources.limits ?? {})).toEqual(['memory'])
    }
  })

  it('gets no variables of Services, whose names are those of settings', () => {
    for (const [, spec] of podSpecs()) expect(spec.enableServiceLinks).toBe(false)
  })

  it('mounts an account token only where it calls the API server', () => {
    const mounting = podSpecs().filter(([, spec]) => spec.automountServiceAccountToken)
    expect(mounting.map(([name]) => name).sort()).toEqual(['signet-authority', 'signet-controller'])
    for (const account of of('ServiceAccount')) expect(account['automountServiceAccountToken']).toBe(false)
  })

  it('has time to drain for 15 s', () => {
    for (const deployment of of('Deployment')) {
      const { template, strategy } = deployment['spec'] as { template: { spec: PodSpec }; strategy: unknown }
      expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(15 + 5)
      expect(strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } })
    }
  })

  it('lets the start of a new authority be over before an old one leaves', () => {
    const seconds = of('Deployment').map(({ metadata, spec }) => [
      metadata.name,
      (spec as { minReadySeconds?: number }).minReadySeconds,
    ])
    expect(Object.fromEntries(seconds)).toEqual({
      'signet-authority': 5,
      'signet-controller': undefined,
      'signet-webhook': undefined,
    })
  })

  it('mounts no Secret but the serving certificate of its own', () => {
    const mounted = podSpecs().map(([name, { volumes = [] }]) => [
      name,
      volumes.map((volume) => volume.secret?.secretName),
    ])
    expect(Object.fromEntries(mounted)).toEqual({
      'signet-authority': ['signet-authority-tls'],
      'signet-controller': [],
      'signet-test-authority': ['signet-authority-tls'],
      'signet-webhook': ['signet-webhook-tls'],
    })
    const [, test] = podSpecs().find(([name]) => name === 'signet-test-authority') ?? []
    expect(test?.volumes?.[0]?.secret?.items).toEqual([{ key: 'ca.crt', path: 'ca.crt' }])
  })
})

describe('I3: key-encryption keys, as docs/operate/key-rings.md shows', () => {
  let rendered: Manifest[]
  beforeAll(async () => {
    const page = await readFile(join(projectDirectory, 'docs/operate/key-rings.md'), 'utf8')
    const [, values = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
    rendered = await renderChart(load(values) as Values)
  })

  /** Which Deployments mention a Secret, and how they mount it. */
  const mounted = (secretName: string) =>
    rendered
      .filter((manifest) => JSON.stringify(manifest).includes(`"${secretName}"`))
      .map(({ kind, metadata, spec }) => {
        const { volumes = [], containers } = (spec as { template: { spec: PodSpec } }).template.spec
        const name = volumes.find(({ secret }) => secret?.secretName === secretName)?.name
        const [container] = containers
        const mount = container?.volumeMounts?.find((one) => one.name === name)
        return { of: `${kind} ${metadata.name}`, mount, args: container?.args ?? [] }
      })

  it("are mounted into the controller alone where they decrypt identities' keys", () => {
    const [controller, ...others] = mounted('signet-key-encryption')
    expect(others).toEqual([])
    expect(controller).toMatchObject({
      of: 'Deployment signet-controller',
      mount: { mountPath: '/var/run/signet/key-encryption', readOnly: true },
    })
    expect(controller?.args).toContain('--key-encryption-key-file=/var/run/signet/key-encryption/keys')
  })

  it("are mounted into controller and authority where they decrypt the authority's own", () => {
    const mount = { mountPath: '/var/run/signet/issuing-key-encryption', readOnly: true }
    const [authority, controller, ...others] = mounted('signet-issuing-key-encryption')
    expect(others).toEqual([])
    expect(authority).toMatchObject({ of: 'Deployment signet-authority', mount })
    expect(controller).toMatchObject({ of: 'Deployment signet-controller', mount })
    const file = '/var/run/signet/issuing-key-encryption/keys'
    expect(authority?.args).toContain(`--key-encryption-key-file=${file}`)
    expect(controller?.args).toContain(`--issuing-key-encryption-key-file=${file}`)
  })

  it('are refused where the authority would have none of its own, or those of identities', async () => {
    const error = (keyEncryption: object) => renderError({ keyEncryption })
    expect(await error({ secretName: 'a' })).toContain('name a second Secret')
    expect(await error({ secretName: 'a', issuingKeysSecretName: 'a' })).toContain(
      'must not be the same as keyEncryption.secretName',
    )
    await renderChart({ keyEncryption: { issuingKeysSecretName: 'a' } })
  })
})

it('I3: what opens Redis is mounted into the authority alone, read-only, as docs/operate/redis.md shows', async () => {
  const page = await readFile(join(projectDirectory, 'docs/operate/redis.md'), 'utf8')
  const [, values = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  const rendered = await renderChart(load(values) as Values)
  const mounting = rendered.filter((manifest) => JSON.stringify(manifest).includes('signet-redis'))
  expect(mounting.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['Deployment signet-authority'])
  const { spec } = (mounting[0]?.['spec'] as { template: { spec: PodSpec } }).template
  expect(spec.volumes?.map(({ secret }) => secret)).toMatchObject([
    { secretName: 'signet-authority-tls' },
    { secretName: 'signet-redis', items: [{ key: 'password', path: 'password' }] },
    { secretName: 'signet-redis-ca', items: [{ key: 'ca.crt', path: 'ca.crt' }] },
  ])
  const [container] = spec.containers as (Container & { volumeMounts: { readOnly: boolean }[] })[]
  expect(container?.volumeMounts.map(({ readOnly }) => readOnly)).toEqual([true, true, true])
  expect(container?.args).toEqual(
    expect.arrayContaining([
      '--redis-url=rediss://signet@redis.infra.svc:6379',
      '--redis-password-file=/var/run/signet/redis-password/password',
      '--redis-ca-file=/var/run/signet/redis-ca/ca.crt',
    ]),
  )
})

it('the authority’s replicas are left to the autoscaler where there is one', async () => {
  const rendered = await renderChart({ authority: { autoscaling: { enabled: true } } })
  const deployments = of('Deployment', rendered).map(({ metadata, spec }) => [
    metadata.name,
    'replicas' in (spec as object),
  ])
  expect(Object.fromEntries(deployments)).toEqual({
    'signet-authority': false,
    'signet-controller': true,
    'signet-webhook': true,
  })
  expect(of('HorizontalPodAutoscaler', rendered)).toMatchObject([
    {
      metadata: { name: 'signet-authority' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'signet-authority' },
        minReplicas: 2,
        maxReplicas: 10,
      },
    },
  ])
  expect(of('HorizontalPodAutoscaler')).toEqual([])
})

describe('the roles', () => {
  it('give the webhook nothing', () => {
    expect(rulesOf('signet-webhook')).toEqual([])
  })

  it("I3: give the authority its own keys, ConfigMaps of the operator's namespace, revocations, and what tokens are bound to", async () => {
    const verbs = ['get', 'list', 'watch']
    const own = [operatorNamespace, { apiGroups: [''], resources: ['configmaps'], verbs }]
    const ring = {
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['signet-keys.authority'],
      verbs: ['list', 'watch'],
    }
    const bound = { apiGroups: [''], resources: ['pods', 'serviceaccounts'], verbs }
    const revocations = { apiGroups: ['signet.dev'], resources: ['tokenrevocations'], verbs: [...verbs, 'create'] }
    const here = [own, [operatorNamespace, ring]]
    const everywhere = [...here, [undefined, bound], [undefined, revocations]]
    const rules = rulesOf('signet-authority')
    expect(rules).toHaveLength(everywhere.length)
    expect(rules).toEqual(expect.arrayContaining(everywhere))
    const narrowed = rulesOf('signet-authority', await renderChart({ watchNamespaces: ['shop'] }))
    const there = [...here, ['shop', bound], ['shop', revocations]]
    expect(narrowed).toHaveLength(there.length)
    expect(narrowed).toEqual(expect.arrayContaining(there))
  })

  it('have no wildcard, no escalation and no patch of Secrets or pods', () => {
    for (const role of [...of('Role'), ...of('ClusterRole')]) {
      for (const { apiGroups, resources, verbs } of role['rules'] as Rule[]) {
        expect([...apiGroups, ...resources, ...verbs]).not.toContain('*')
        for (const verb of ['escalate', 'bind', 'impersonate']) expect(verbs).not.toContain(verb)
        if (resources.includes('serviceaccounts')) expect(verbs).toEqual(['get', 'list', 'watch'])
        for (const resource of ['serviceaccounts/token', 'pods/exec', 'nodes/proxy']) {
          expect(resources).not.toContain(resource)
        }
        if (resources.includes('secrets') || resources.includes('pods')) expect(verbs).not.toContain('patch')
      }
    }
  })

  it('let the controller delete Secrets in its own namespace only', () => {
    const deleting = rulesOf('signet-controller').filter(([, { verbs }]) => verbs.includes('delete'))
    const secrets = deleting.filter(([, { resources }]) => resources.includes('secrets'))
    expect(secrets.map(([namespace]) => namespace)).toEqual([operatorNamespace])
    const elsewhere = deleting.filter(([namespace]) => namespace !== operatorNamespace)
    expect(elsewhere.map(([, { resources }]) => resources)).toEqual([['tokenrevocations']])
  })

  it("leave the pods of the operator's own namespace alone where it is not watched", async () => {
    const narrowed = rulesOf('signet-controller', await renderChart({ watchNamespaces: ['shop'] }))
    const own = narrowed.filter(([namespace]) => namespace === operatorNamespace)
    expect(own.flatMap(([, { resources }]) => resources)).toEqual([
      'secrets',
      'configmaps',
      'events',
      'leases',
      'leases',
    ])
  })

  it('let the controller get one by one only what it reads so, and apply a status without replacing it', () => {
    const granted = rulesOf('signet-controller').map(([, rule]) => rule)
    const got = granted.filter(({ verbs }) => verbs.includes('get')).flatMap(({ resources }) => resources)
    expect([...new Set(got)].sort()).toEqual(['configmaps', 'leases', 'secrets', 'serviceidentities'])
    for (const subresource of ['serviceidentities/status', 'tokenrevocations/status']) {
      const status = granted.filter(({ resources }) => resources.includes(subresource))
      expect(status.map(({ verbs }) => verbs)).toEqual([['patch']])
    }
  })

  it('limit the controller to the two webhook configurations named signet', () => {
    const rules = rulesOf('signet-controller').filter(([, { apiGroups }]) =>
      apiGroups.includes('admissionregistration.k8s.io'),
    )
    expect(rules.map(([, { resourceNames }]) => resourceNames)).toEqual([['signet']])
  })

  it('hold everywhere only for the webhook configurations where namespaces are named', async () => {
    const narrowed = await renderChart({ watchNamespaces: ['shop', 'billing'] })
    const everywhere = rulesOf('signet-controller', narrowed).filter(([namespace]) => namespace === undefined)
    expect(everywhere.map(([, { apiGroups }]) => apiGroups)).toEqual([['admissionregistration.k8s.io']])
    const secrets = rulesOf('signet-controller', narrowed).filter(([, { resources }]) => resources.includes('secrets'))
    expect(secrets.map(([namespace]) => namespace).sort()).toEqual(['billing', 'shop', operatorNamespace])
  })

  it('aggregate to view, edit and admin', () => {
    const aggregated = of('ClusterRole').flatMap(({ metadata }) =>
      Object.keys(metadata.labels ?? {})
        .filter((label) => label.startsWith('rbac.authorization.k8s.io/'))
        .map((label) => `${metadata.name} ${label.slice('rbac.authorization.k8s.io/aggregate-'.length)}`),
    )
    expect(aggregated.sort()).toEqual([
      'signet-admin to-admin',
      'signet-edit to-admin',
      'signet-edit to-edit',
      'signet-view to-admin',
      'signet-view to-edit',
      'signet-view to-view',
    ])
  })
})

describe('the webhook configurations', () => {
  it('have no caBundle, which is the controller’s to write and to keep', () => {
    const configurations = [...of('MutatingWebhookConfiguration'), ...of('ValidatingWebhookConfiguration')]
    expect(configurations.map(({ metadata }) => metadata.name)).toEqual(['signet', 'signet'])
    for (const configuration of configurations) {
      for (const { clientConfig } of configuration['webhooks'] as { clientConfig: object }[]) {
        expect(Object.keys(clientConfig)).toEqual(['service'])
      }
    }
  })

  it('leave the namespaces of the system and of the operator alone', () => {
    const [configuration] = of('MutatingWebhookConfiguration')
    const [webhook] = configuration?.['webhooks'] as { namespaceSelector: unknown; failurePolicy: string }[]
    expect(webhook?.failurePolicy).toBe('Fail')
    expect(webhook?.namespaceSelector).toEqual({
      matchExpressions: [
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: ['kube-system', 'kube-public', 'kube-node-lease', operatorNamespace],
        },
        { key: 'signet.dev/injection', operator: 'NotIn', values: ['disabled'] },
      ],
    })
  })
})

describe('the admission policies', () => {
  it('denies, and depends on no parameter that could be removed', () => {
    const policies = of('ValidatingAdmissionPolicy')
    const bindings = of('ValidatingAdmissionPolicyBinding')
    const secrets = ['signet-authority-ring', 'signet-own-secret', 'signet-secret-writers']
    const authority = ['signet-authority-keys', 'signet-authority-revokes-tokens']
    const names = [...secrets, ...authority, 'signet-injected', 'signet-nudge-only'].sort()
    expect(policies.map(({ metadata }) => metadata.name).sort()).toEqual(names)
    for (const { spec } of policies) expect(Object.keys(spec as object)).not.toContain('paramKind')
    expect(bindings.map(({ spec }) => spec)).toHaveLength(names.length)
    for (const { metadata, spec } of bindings) {
      expect(spec).toEqual({ policyName: metadata.name, validationActions: ['Deny'] })
    }
  })

  it('selects labelled pods exactly as the webhook does', () => {
    const [configuration] = of('MutatingWebhookConfiguration')
    const [webhook] = configuration?.['webhooks'] as Record<string, unknown>[]
    const policy = of('ValidatingAdmissionPolicy').find(({ metadata }) => metadata.name === 'signet-injected')
    const { matchConstraints, matchConditions } = policy?.['spec'] as {
      matchConstraints: Record<string, unknown>
      matchConditions: unknown
    }
    expect(matchConstraints['objectSelector']).toEqual(webhook?.['objectSelector'])
    expect(matchConstraints['namespaceSelector']).toEqual(webhook?.['namespaceSelector'])
    expect(matchConstraints['resourceRules']).toEqual(webhook?.['rules'])
    expect(matchConditions).toEqual(webhook?.['matchConditions'])
  })
})

describe('the network policies', () => {
  it('let the webhook call nobody', () => {
    const policy = of('NetworkPolicy').find(({ metadata }) => metadata.name === 'signet-webhook')
    expect(policy?.['spec']).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [] })
  })

  it('are off by default', async () => {
    expect(of('NetworkPolicy', await renderChart())).toEqual([])
  })
})
