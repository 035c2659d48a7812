import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, operatorNamespace, renderChart, type Values } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { type Minor, wantedMinor } from '../../tools/cluster/releases.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { accountUser, Kubectl } from './kubectl.ts'

const kinds = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
const controller = accountUser(operatorNamespace, 'signet-controller')
const webhook = accountUser(operatorNamespace, 'signet-webhook')
const authority = accountUser(operatorNamespace, 'signet-authority')
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']

let plane: ControlPlane
let kubectl: Kubectl

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const namespaces = [operatorNamespace, 'shop', 'billing', 'lonely']
  await kubectl.apply(namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
}, buildTimeout)

afterAll(() => plane.stop())

interface Attributes {
  namespace?: string
  group?: string
  resource: string
  subresource?: string
  name?: string
}

/** Which verbs RBAC gives a user on a resource. */
async function allowed(user: string, attributes: Attributes, asked = verbs): Promise<string[]> {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated']
  const reviews = asked.map((verb) => ({
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: { user, groups, resourceAttributes: { ...attributes, verb } },
  }))
  const input = { apiVersion: 'v1', kind: 'List', items: reviews }
  const answers = await kubectl.run(['create', '-f', '-', '-o', 'jsonpath={.status.allowed}{","}'], { input })
  return asked.filter((_, index) => answers.split(',')[index] === 'true')
}

/** The rights that Kubernetes itself gives to every ServiceAccount: resource → verbs. */
const rightsOfAccounts: Record<Minor, Record<string, string[]>> = {
  '1.34': {},
  '1.37': { 'certificates.k8s.io/clustertrustbundles': ['get', 'list', 'watch'] },
}

/** What an account may do in a namespace beyond that, as the API server lists it: resource → verbs. */
async function rules(user: string, namespace: string): Promise<Map<string, string[]>> {
  interface Rule {
    apiGroups: string[]
    resources: string[]
    resourceNames?: string[]
    verbs: string[]
  }
  const input = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } }
  const review = await kubectl.json<{ status: { resourceRules: Rule[] } }>(['create', '--validate=false', '-f', '-'], {
    input,
    as: user,
  })
  const found = new Map<string, string[]>()
  for (const { apiGroups, resources, resourceNames, verbs: given } of review.status.resourceRules) {
    for (const resource of resources) {
      const [part] = apiGroups
      const name = resourceNames === undefined ? '' : `/${resourceNames.join('|')}`
      const key = `${part === '' || part === undefined ? '' : `${part}/`}${resource}${name}`
      found.set(key, [...new Set([...(found.get(key) ?? []), ...given])].sort())
    }
  }
  // What every authenticated user has.
  for (const key of found.keys()) if (/^(authorization|authentication)\.k8s\.io\//.test(key)) found.delete(key)
  for (const [key, given] of Object.entries(rightsOfAccounts[wantedMinor()])) {
    expect(found.get(key), key).toEqual(given)
    found.delete(key)
  }
  return found
}

/** Applies the chart's roles and waits until they hold in a namespace. */
async function install(values: Values, namespace: string): Promise<void> {
  await kubectl.apply((await renderChart(values)).filter(({ kind }) => kinds.test(kind)))
  await waitFor({
    what: 'the roles to hold',
    limitMs: 30_000,
    until: async () =>
      (await allowed(controller, { resource: 'secrets', namespace }, ['get'])).length === 1 &&
      (await allowed(controller, { ...webhookConfigurations, name: 'signet' }, ['patch'])).length === 1,
  })
}

const webhookConfigurations = { group: 'admissionregistration.k8s.io', resource: 'mutatingwebhookconfigurations' }

const elsewhere = {
  secrets: ['create', 'get', 'list', 'update', 'watch'],
  pods: ['list', 'watch'],
  'pods/status': ['patch'],
  'events.k8s.io/events': ['create', 'patch'],
  'signet.dev/serviceidentities': ['get', 'list', 'watch'],
  'signet.dev/serviceidentities/status': ['patch'],
  'signet.dev/serviceidentities/finalizers': ['update'],
  'signet.dev/tokenrevocations': ['delete', 'list', 'watch'],
  'signet.dev/tokenrevocations/status': ['patch'],
}
const configurations = {
  'admissionregistration.k8s.io/mutatingwebhookconfigurations/signet': ['list', 'patch', 'watch'],
  'admissionregistration.k8s.io/validatingwebhookconfigurations/signet': ['list', 'patch', 'watch'],
}
const own = {
  secrets: ['create', 'delete', 'get', 'list', 'update', 'watch'],
  configmaps: ['create', 'delete', 'get', 'list', 'update', 'watch'],
  'events.k8s.io/events': ['create', 'patch'],
  'coordination.k8s.io/leases': ['create'],
  'coordination.k8s.io/leases/signet-controller': ['get', 'update'],
}

describe('with watchNamespaces', () => {
  beforeAll(() => install({ watchNamespaces: ['shop', 'billing'] }, 'billing'))

  it('the controller can do what it needs there and no more', async () => {
    for (const namespace of ['shop', 'billing']) {
      expect(Object.fromEntries(await rules(controller, namespace))).toEqual({ ...elsewhere, ...configurations })
    }
  })

  it('the controller can read no Secret of another namespace, nor of all at once', async () => {
    expect(Object.fromEntries(await rules(controller, 'lonely'))).toEqual(configurations)
    expect(await allowed(controller, { resource: 'secrets' })).toEqual([])
    expect(await kubectl.refused(['get', 'secrets', '-A'], { as: controller })).toContain('is forbidden')
  })

  it('the controller can do what it needs in its own namespace and no more', async () => {
    expect(Object.fromEntries(await rules(controller, operatorNamespace))).toEqual({ ...own, ...configurations })
  })
})

describe('with watchNamespaces, the authority', () => {
  it('reads pods and accounts, reads and creates revocations there, and nothing in any other namespace', async () => {
    const verbs = ['get', 'list', 'watch']
    const served = { pods: verbs, serviceaccounts: verbs, 'signet.dev/tokenrevocations': ['create', ...verbs] }
    for (const namespace of ['shop', 'billing']) {
      expect(Object.fromEntries(await rules(authority, namespace))).toEqual(served)
    }
    expect(Object.fromEntries(await rules(authority, 'lonely'))).toEqual({})
  })
})

describe('with all namespaces', () => {
  beforeAll(() => install({}, 'lonely'))

  it('the controller can do what it needs everywhere and no more', async () => {
    expect(Object.fromEntries(await rules(controller, 'lonely'))).toEqual({ ...elsewhere, ...configurations })
    expect(Object.fromEntries(await rules(controller, operatorNamespace))).toEqual({
      ...elsewhere,
      ...own,
      ...configurations,
    })
  })

  it.each<[string, Attributes, string[]]>([
    [
      'lists identities of all namespaces',
      { group: 'signet.dev', resource: 'serviceidentities' },
      ['get', 'list', 'watch'],
    ],
    ['watches pods of all namespaces', { resource: 'pods' }, ['list', 'watch']],
    ['changes no pod', { resource: 'pods', namespace: 'shop', name: 'p' }, ['list', 'watch']],
    ['runs nothing in a pod', { resource: 'pods', subresource: 'exec', namespace: 'shop' }, []],
    ['debugs no pod', { resource: 'pods', subresource: 'ephemeralcontainers', namespace: 'shop' }, []],
    ['makes no token', { resource: 'serviceaccounts', subresource: 'token', namespace: 'shop' }, []],
    ['reads no ConfigMap of others', { resource: 'configmaps', namespace: 'shop' }, []],
    [
      'deletes no Secret of others',
      { resource: 'secrets', namespace: 'shop' },
      ['get', 'list', 'watch', 'create', 'update'],
    ],
    [
      'holds no other Lease',
      { group: 'coordination.k8s.io', resource: 'leases', namespace: operatorNamespace, name: 'other' },
      ['create'],
    ],
    [
      'changes no identity',
      { group: 'signet.dev', resource: 'serviceidentities', namespace: 'shop' },
      ['get', 'list', 'watch'],
    ],
    [
      'revokes nothing by itself',
      { group: 'signet.dev', resource: 'tokenrevocations', namespace: 'shop' },
      ['list', 'watch', 'delete'],
    ],
    ['touches no webhook configuration of others', { ...webhookConfigurations, name: 'other' }, []],
    [
      'changes no admission policy',
      { group: 'admissionregistration.k8s.io', resource: 'validatingadmissionpolicies', name: 'signet-own-secret' },
      [],
    ],
    ['gives no rights', { group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' }, []],
  ])('the controller %s', async (_, attributes, expected) => {
    expect(await allowed(controller, attributes)).toEqual(expected)
  })

  it('the controller can list and watch the one webhook configuration by its name', async () => {
    await kubectl.apply((await renderChart()).filter(({ kind }) => kind.endsWith('WebhookConfiguration')))
    for (const resource of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
      const path = `/apis/admissionregistration.k8s.io/v1/${resource}`
      const named = JSON.parse(
        await kubectl.run(['get', '--raw', `${path}?fieldSelector=metadata.name%3Dsignet`], { as: controller }),
      ) as { items: unknown[] }
      expect(named.items).toHaveLength(1)
      expect(await kubectl.refused(['get', '--raw', path], { as: controller })).toContain('forbidden')
    }
    const patch = JSON.stringify({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'signet' },
      webhooks: [
        {
          name: 'pods.signet.dev',
          clientConfig: { caBundle: '' },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
        },
      ],
    })
    const flags = [
      'apply',
      '--server-side',
      '--field-manager=signet',
      '--force-conflicts',
      '--dry-run=server',
      '-f',
      '-',
    ]
    await kubectl.run(flags, { input: patch, as: controller })
  })

  it('the authority reads pods and accounts, its own keys, ConfigMaps of its namespace, and revocations, no more', async () => {
    const verbs = ['get', 'list', 'watch']
    const served = {
      pods: verbs,
      serviceaccounts: verbs,
      'signet.dev/tokenrevocations': ['create', ...verbs],
    }
    expect(Object.fromEntries(await rules(authority, operatorNamespace))).toEqual({
      configmaps: verbs,
      'secrets/signet-keys.authority': ['list', 'watch'],
      ...served,
    })
    expect(Object.fromEntries(await rules(authority, 'shop'))).toEqual(served)
  })

  it('I3: the authority can read no private key but its own, and no other Secret either', async () => {
    for (const namespace of [undefined, operatorNamespace, 'shop', 'kube-system']) {
      const attributes = namespace === undefined ? { resource: 'secrets' } : { resource: 'secrets', namespace }
      expect(await allowed(authority, attributes)).toEqual([])
    }
    const others = ['signet-keys.shop.orders', 'signet-keys.authority.x', 'signet-ca', 'signet-key-encryption']
    for (const name of others) {
      expect(await allowed(authority, { resource: 'secrets', namespace: operatorNamespace, name })).toEqual([])
    }
    // The same name elsewhere is another Secret.
    expect(await allowed(authority, { resource: 'secrets', namespace: 'shop', name: 'signet-keys.authority' })).toEqual(
      [],
    )
    await kubectl.run(['create', 'secret', 'generic', 'signet-keys.shop.orders', '-n', operatorNamespace])
    for (const args of [
      ['get', 'secret', 'signet-keys.shop.orders', '-n', operatorNamespace],
      ['get', 'secrets', '-n', operatorNamespace],
      ['get', 'secrets', '-n', operatorNamespace, '--field-selector', 'metadata.name=signet-keys.shop.orders'],
      ['get', 'secrets', '-n', operatorNamespace, '--field-selector', 'metadata.name!=signet-keys.shop.orders'],
      ['get', 'secrets', '-n', operatorNamespace, '--field-selector', 'type=signet.dev/key-ring'],
      ['get', 'secrets', '-n', operatorNamespace, '-l', 'signet.dev/component=key-ring'],
      ['get', 'secrets', '-A'],
      ['get', 'secrets', '-A', '--field-selector', 'metadata.name=signet-keys.authority'],
    ]) {
      expect(await kubectl.refused(args, { as: authority }), args.join(' ')).toMatch(/secrets.* is forbidden/)
    }
  })

  it('the authority lists and watches its own keys, by their name, and writes them not', async () => {
    await kubectl.run(['create', 'secret', 'generic', 'signet-keys.authority', '-n', operatorNamespace])
    const path = `/api/v1/namespaces/${operatorNamespace}/secrets?fieldSelector=metadata.name%3Dsignet-keys.authority`
    const list = JSON.parse(await kubectl.run(['get', '--raw', path], { as: authority })) as { items: unknown[] }
    expect(list.items).toMatchObject([{ metadata: { name: 'signet-keys.authority' } }])
    // As the authority does: a streaming list, then what follows.
    const watch = '&watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
    const stream = await kubectl.run(['get', '--raw', `${path}${watch}&timeoutSeconds=1`], { as: authority })
    expect(stream).toContain('"name":"signet-keys.authority"')
    expect(stream).not.toContain('signet-keys.shop.orders')
    const mine = { resource: 'secrets', namespace: operatorNamespace, name: 'signet-keys.authority' }
    expect(await allowed(authority, mine)).toEqual(['list', 'watch'])
    await kubectl.run(['delete', 'secret', 'signet-keys.authority', '-n', operatorNamespace])
  })

  it('the webhook can do nothing at all', async () => {
    for (const namespace of [operatorNamespace, 'shop', 'kube-system']) {
      expect(Object.fromEntries(await rules(webhook, namespace))).toEqual({})
    }
    expect(await allowed(webhook, { resource: 'secrets', namespace: operatorNamespace })).toEqual([])
    for (const resource of ['serviceidentities', 'tokenrevocations']) {
      expect(await allowed(webhook, { group: 'signet.dev', resource })).toEqual([])
    }
  })

  it('a viewer reads identities and revocations, an editor writes them, an administrator may delete them all', async () => {
    const bind = (name: string, role: string) => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name, namespace: 'shop' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    })
    // Kubernetes' own roles take these in by aggregation, which its controller manager does.
    await kubectl.apply(['view', 'edit', 'admin'].map((role) => bind(role, `signet-${role}`)))
    const identities = { group: 'signet.dev', resource: 'serviceidentities', namespace: 'shop' }
    expect(await allowed('view', identities)).toEqual(['get', 'list', 'watch'])
    expect(await allowed('edit', identities)).toEqual(['create', 'update', 'patch', 'delete'])
    expect(await allowed('admin', identities)).toEqual(['deletecollection'])
    const revocations = { ...identities, resource: 'tokenrevocations' }
    expect(await allowed('view', revocations)).toEqual(['get', 'list', 'watch'])
    expect(await allowed('edit', revocations)).toEqual(['create', 'delete'])
    expect(await allowed('admin', revocations)).toEqual(['deletecollection'])
    for (const role of ['view', 'edit', 'admin']) {
      for (const resource of [identities, revocations]) {
        expect(await allowed(role, { ...resource, subresource: 'status' }, ['update', 'patch'])).toEqual([])
      }
    }
  })
})
