import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, type Manifest, operatorNamespace } from '../chart/helm.ts'
import { controller, dryRun, namespace, startEnforced } from './enforced-policies.ts'
import { accountUser, type Kubectl } from './kubectl.ts'

const authority = accountUser(operatorNamespace, 'signet-authority')
const webhook = accountUser(operatorNamespace, 'signet-webhook')

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startEnforced())
}, buildTimeout)

afterAll(() => stop())

const ring = (fields: object = {}, where = operatorNamespace) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'signet-keys.authority', namespace: where },
  type: 'signet.dev/key-ring',
  stringData: { 'ring.json': 'x' },
  ...fields,
})
const keys = (fields: object = {}, where = operatorNamespace) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'signet-jwks.authority', namespace: where },
  data: { 'jwks.json': '{"keys":[]}' },
  ...fields,
})
const objects = { secret: ring, configmap: keys } as const
const said = /ValidatingAdmissionPolicy 'signet-authority-(ring|keys)'/

type Kind = keyof typeof objects
const nameOf = { secret: 'signet-keys.authority', configmap: 'signet-jwks.authority' } as const
const patch = (kind: Kind, body: object) => [
  ...['patch', kind, nameOf[kind], '-n', operatorNamespace],
  ...['--type=merge', '-p', JSON.stringify(body)],
]

describe.each<Kind>(['secret', 'configmap'])("the authority's %s", (kind) => {
  const object = objects[kind]

  it('is created by the controller, and by nobody else, nor by any other way of naming it', async () => {
    expect(await kubectl.refused(dryRun, { input: object() })).toMatch(said)
    const apply = ['apply', '--server-side', '--dry-run=server', '-f', '-']
    expect(await kubectl.refused(apply, { input: object() })).toMatch(said)
    for (const as of [authority, webhook]) await kubectl.refused(dryRun, { input: object(), as })
    await kubectl.run(['create', '-f', '-'], { input: object(), as: controller })
    await kubectl.run(['replace', '-f', '-'], { input: object(), as: controller })
  })

  it('has a name that is free in other namespaces', async () => {
    await kubectl.run(dryRun, { input: object({}, namespace) })
  })

  it.each<[string, object]>([
    ['its data', { data: { 'ring.json': 'eno=', 'jwks.json': 'e30=' } }],
    ['more data', { data: { other: 'eno=' } }],
    ['a label', { metadata: { labels: { a: 'b' } } }],
    ['an annotation', { metadata: { annotations: { a: 'b' } } }],
    ['an annotation of ours', { metadata: { annotations: { 'signet.dev/ring-version': '9' } } }],
    ['its mutability', { immutable: true }],
    ['a finalizer', { metadata: { finalizers: ['example.com/x'] } }],
    ['its owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'u' }] } }],
  ])('is not changed in %s by anybody else', async (_, body) => {
    expect(await kubectl.refused(patch(kind, body))).toMatch(said)
  })

  it('can be written back as it is, as a migration of storage does', async () => {
    const stored = await kubectl.json(['get', kind, nameOf[kind], '-n', operatorNamespace])
    await kubectl.run(['replace', '-f', '-'], { input: stored })
  })

  it.each(['foreground', 'orphan', 'background'])('is deleted by whom RBAC allows, by %s', async (cascade) => {
    const args = [kind, nameOf[kind], '-n', operatorNamespace]
    await kubectl.run(['delete', ...args, `--cascade=${cascade}`, '--timeout=120s'])
    await kubectl.run(['create', '-f', '-'], { input: object(), as: controller })
  })
})

describe('people', () => {
  const requests = { 'signet.dev/rotate-key': '1', 'signet.dev/revoke-key': 'kid' }
  const annotations = async (): Promise<unknown> =>
    (await kubectl.json<Manifest>(['get', 'configmap', nameOf.configmap, '-n', operatorNamespace])).metadata.annotations

  it('ask for a rotation and revoke a key by annotations of the ConfigMap, as docs/operate/rotation.md shows', async () => {
    for (const [annotation, value] of Object.entries(requests)) {
      const target = ['annotate', 'configmap', nameOf.configmap, '--namespace', operatorNamespace]
      await kubectl.run([...target, `${annotation}=${value}`, '--overwrite'])
    }
    expect(await annotations()).toEqual(requests)
    await kubectl.run(patch('configmap', { metadata: { annotations: { 'signet.dev/rotate-key': '2' } } }))
    await kubectl.run(patch('configmap', { metadata: { annotations: { 'signet.dev/revoke-key': null } } }))
    expect(await annotations()).toEqual({ 'signet.dev/rotate-key': '2' })
  })

  it('change nothing else with them', async () => {
    const metadata = { annotations: requests }
    expect(await kubectl.refused(patch('configmap', { metadata, data: { 'jwks.json': '{}' } }))).toMatch(said)
    await kubectl.run(patch('configmap', { metadata: { annotations: { 'signet.dev/rotate-key': null } } }))
  })

  it('set none of them on the Secret, where nobody would read them', async () => {
    expect(await kubectl.refused(patch('secret', { metadata: { annotations: requests } }))).toMatch(said)
  })
})
