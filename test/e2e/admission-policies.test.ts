import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from './cluster.ts'
import { container, identity, pod, serviceAccount } from './manifests.ts'

const namespace = 'e2e-policies'
const create = ['create', '--dry-run=server', '-f', '-']

let test: TestCluster

beforeAll(async () => {
  test = await TestCluster.of()
  await test.namespace(namespace)
  await test.apply(...['victim', 'thief'].map((name) => serviceAccount(name, namespace)), identity('victim', namespace))
  await test.identitiesReady(namespace)
  await test.apply(pod({ name: 'running', namespace, account: 'thief', labels: {} }))
})

afterAll(() => test.leave(namespace))

const environment = (name: string) => ({ env: [{ name: 'T', valueFrom: { secretKeyRef: { name, key: 'token' } } }] })
const environmentFrom = (name: string) => ({ envFrom: [{ secretRef: { name } }] })
const app = container('app')

/** Each place of a pod's spec that can name a Secret to have it in a container. */
const places: { what: string; spec: (secret: string) => object }[] = [
  { what: 'a volume', spec: (secretName) => ({ volumes: [{ name: 'v', secret: { secretName } }] }) },
  {
    what: 'a projected volume',
    spec: (name) => ({ volumes: [{ name: 'v', projected: { sources: [{ secret: { name } }] } }] }),
  },
  { what: 'env of a container', spec: (name) => ({ containers: [container('app', environment(name))] }) },
  { what: 'envFrom of a container', spec: (name) => ({ containers: [container('app', environmentFrom(name))] }) },
  {
    what: 'env of an init container',
    spec: (name) => ({ initContainers: [container('init', environment(name))], containers: [app] }),
  },
  {
    what: 'envFrom of an init container',
    spec: (name) => ({ initContainers: [container('init', environmentFrom(name))], containers: [app] }),
  },
]

const refusal = (what: string) =>
  `${what} names the Secret of another identity; a pod of the ServiceAccount thief may use only signet.thief; ` +
  'set serviceAccountName to the identity that the pod needs'

describe("the Secret of another account's identity", () => {
  it.each(places)('is refused to a pod in $what, and given to its own', async ({ what, spec }) => {
    const of = (account: string) => pod({ name: 'wants', namespace, account, labels: {}, spec: spec('signet.victim') })
    expect(await test.refused(of('thief'), ...create)).toContain(refusal(what))
    await test.withInput(JSON.stringify(of('victim')), ...create)
  })

  it('is refused also where the label asks for the own one', async () => {
    const spec = { volumes: [{ name: 'v', secret: { secretName: 'signet.victim' } }] }
    expect(await test.refused(pod({ name: 'thief', namespace, spec }), ...create)).toContain(refusal('a volume'))
  })

  it.each([
    { what: 'env of an ephemeral container', fields: environment },
    { what: 'envFrom of an ephemeral container', fields: environmentFrom },
  ])('is refused to a running pod in $what', async ({ what, fields }) => {
    await test.ready(namespace, 'running')
    const running = await test.json<{ spec: object }>('-n', namespace, 'get', 'pod', 'running')
    const path = `/api/v1/namespaces/${namespace}/pods/running/ephemeralcontainers?dryRun=All`
    const replace = ['replace', '--raw', path, '-f', '-']
    const with_ = (name: string) => {
      const ephemeralContainers = [{ ...container('debug', fields(name)), terminationMessagePolicy: 'File' }]
      return { ...running, spec: { ...running.spec, ephemeralContainers } }
    }
    expect(await test.refused(with_('signet.victim'), ...replace)).toContain(refusal(what))
    await test.withInput(JSON.stringify(with_('signet.thief')), ...replace)
  })
})

describe('a Secret named as that of an identity', () => {
  it('is written by nobody but the controller', async () => {
    const metadata = { name: 'signet.forged', namespace }
    const forged = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token: 'mine' } }
    expect(await test.refused(forged, ...create)).toContain('only Signet may write Secrets named signet.*')
  })
})
