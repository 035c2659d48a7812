import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout, type Manifest, operatorNamespace } from '../chart/helm.ts'
import {
  authority,
  controller,
  dryRun,
  namespace,
  pod,
  revocation,
  secret,
  startEnforced,
} from './enforced-policies.ts'
import { accountUser, type Kubectl } from './kubectl.ts'

const collector = accountUser('kube-system', 'generic-garbage-collector')

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startEnforced())
}, buildTimeout)

afterAll(() => stop())

describe('a Secret named signet.*', () => {
  const owned = (uid: string) => ({
    name: 'signet.owned',
    namespace,
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid, controller: true }],
  })

  it('is created and replaced by the controller', async () => {
    await kubectl.run(['create', '-f', '-'], { input: secret('signet.orders'), as: controller })
    const input = secret('signet.orders', { stringData: { token: 'y' } })
    await kubectl.run(['replace', '-f', '-'], { input, as: controller })
  })

  it('is created by nobody else, by no way of naming it', async () => {
    const said = "ValidatingAdmissionPolicy 'signet-secret-writers'"
    const error = await kubectl.refused(dryRun, { input: secret('signet.payments') })
    expect(error).toContain(said)
    expect(error).toContain(
      'only Signet may write Secrets named signet.* or of type signet.dev/identity, because they hold identities; admin may not',
    )
    const generated = secret('x', { metadata: { generateName: 'signet.x-', namespace } })
    expect(await kubectl.refused(dryRun, { input: generated })).toContain(said)
    const apply = ['apply', '--server-side', '--dry-run=server', '-f', '-']
    expect(await kubectl.refused(apply, { input: secret('signet.payments') })).toContain(said)
    const webhook = accountUser(operatorNamespace, 'signet-webhook')
    await kubectl.refused(dryRun, { input: secret('signet.payments'), as: webhook })
  })

  it('has a type of its own, which nobody else may give a Secret of any name', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'identity' }
    const input = secret('big', { metadata: { name: 'big', namespace, labels } })
    expect(await kubectl.refused(dryRun, { input })).toContain("ValidatingAdmissionPolicy 'signet-secret-writers'")
    await kubectl.run(dryRun, { input: secret('big', { type: 'Opaque' }) })
  })

  it.each<[string, object]>([
    ['its data', { data: { token: 'eno=' } }],
    ['a label', { metadata: { labels: { a: 'b' } } }],
    ['an annotation', { metadata: { annotations: { a: 'b' } } }],
    ['its mutability', { immutable: true }],
    ['a finalizer', { metadata: { finalizers: ['example.com/x'] } }],
    ['its owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'u' }] } }],
  ])('is not changed in %s by anybody else', async (_, patch) => {
    const args = ['patch', 'secret', 'signet.orders', '-n', namespace, '--type=merge', '-p', JSON.stringify(patch)]
    expect(await kubectl.refused(args)).toContain('because they hold identities; admin may not')
  })

  it('can be written back as it is, as a migration of storage does', async () => {
    const stored = await kubectl.json(['get', 'secret', 'signet.orders', '-n', namespace])
    await kubectl.run(['replace', '-f', '-'], { input: stored })
  })

  it('is deleted by whom RBAC allows', async () => {
    await kubectl.run(['delete', 'secret', 'signet.orders', '-n', namespace])
  })

  it('can be orphaned by the garbage collector, which changes nothing else of it', async () => {
    await kubectl.run(['create', 'configmap', 'owner', '-n', namespace])
    const owner = await kubectl.json<Manifest & { metadata: { uid: string } }>([
      'get',
      'configmap',
      'owner',
      '-n',
      namespace,
    ])
    const input = secret('', { metadata: owned(owner.metadata.uid) })
    await kubectl.run(['create', '-f', '-'], { input, as: controller })
    const patch = (body: object) => [
      'patch',
      'secret',
      'signet.owned',
      '-n',
      namespace,
      '--type=merge',
      '-p',
      JSON.stringify(body),
    ]
    await kubectl.refused(patch({ data: { token: 'eno=' }, metadata: { ownerReferences: null } }), { as: collector })
    await kubectl.run(patch({ metadata: { ownerReferences: null } }), { as: collector })
    await kubectl.run(['delete', 'secret/signet.owned', 'configmap/owner', '-n', namespace])
  })

  it.each(['foreground', 'orphan'])(
    'goes by a deletion of its own by %s, whose finalizer is removed',
    async (cascade) => {
      await kubectl.run(['create', '-f', '-'], { input: secret('signet.leaving'), as: controller })
      await kubectl.run([
        'delete',
        'secret',
        'signet.leaving',
        '-n',
        namespace,
        `--cascade=${cascade}`,
        '--timeout=120s',
      ])
    },
  )

  it.each(['background', 'foreground'])('goes with its owner when that is deleted in the %s', async (cascade) => {
    await kubectl.run(['create', 'configmap', 'owner', '-n', namespace])
    const owner = await kubectl.json<{ metadata: { uid: string } }>(['get', 'configmap', 'owner', '-n', namespace])
    const input = secret('', { metadata: owned(owner.metadata.uid) })
    await kubectl.run(['create', '-f', '-'], { input, as: controller })
    await kubectl.run(['delete', 'configmap', 'owner', '-n', namespace, `--cascade=${cascade}`, '--timeout=120s'])
    await kubectl.run(['wait', '--for=delete', 'secret/signet.owned', '-n', namespace, '--timeout=120s'])
  })

  it('stays without its owner when that is deleted as an orphan', async () => {
    await kubectl.run(['create', 'configmap', 'owner', '-n', namespace])
    const owner = await kubectl.json<{ metadata: { uid: string } }>(['get', 'configmap', 'owner', '-n', namespace])
    const input = secret('', { metadata: owned(owner.metadata.uid) })
    await kubectl.run(['create', '-f', '-'], { input, as: controller })
    await kubectl.run(['delete', 'configmap', 'owner', '-n', namespace, '--cascade=orphan', '--timeout=120s'])
    const orphan = await kubectl.json<Manifest>(['get', 'secret', 'signet.owned', '-n', namespace])
    expect(orphan.metadata).not.toHaveProperty('ownerReferences')
    await kubectl.run(['delete', 'secret', 'signet.owned', '-n', namespace])
  })

  it('keeps no namespace from being deleted', async () => {
    await kubectl.run(['create', 'namespace', 'leaving'])
    const input = secret('', { metadata: { name: 'signet.orders', namespace: 'leaving' } })
    await kubectl.run(['create', '-f', '-'], { input, as: controller })
    await kubectl.run(['delete', 'namespace', 'leaving', '--timeout=120s'])
  })
})

describe('the controller', () => {
  const said = 'outside its own namespace, Signet may write only Secrets named signet.* of type signet.dev/identity'

  it('writes no other Secret outside its own namespace', async () => {
    expect(await kubectl.refused(dryRun, { input: secret('tokens'), as: controller })).toContain(said)
    await kubectl.run(['create', 'secret', 'generic', 'tokens', '-n', namespace])
    const input = secret('tokens', { type: 'Opaque' })
    expect(await kubectl.refused(['replace', '-f', '-'], { input, as: controller })).toContain(said)
  })

  it('cannot have a ServiceAccount token made for it under the name of an identity', async () => {
    const metadata = {
      name: 'signet.orders',
      namespace,
      annotations: { 'kubernetes.io/service-account.name': 'orders' },
    }
    const input = secret('', { type: 'kubernetes.io/service-account-token', metadata, stringData: undefined })
    expect(await kubectl.refused(dryRun, { input, as: controller })).toContain(said)
  })

  it('writes its key rings, authorities and certificates in its own namespace', async () => {
    for (const name of ['signet-ca', 'signet-webhook-tls', 'signet-keys.shop.orders']) {
      const input = secret('', { type: 'Opaque', metadata: { name, namespace: operatorNamespace } })
      await kubectl.run(['create', '-f', '-'], { input, as: controller })
      await kubectl.run(['replace', '-f', '-'], { input, as: controller })
      await kubectl.run(['delete', 'secret', name, '-n', operatorNamespace], { as: controller })
    }
  })
})

describe('of a pod, the controller', () => {
  const annotations = { a: 'b' }
  beforeAll(() =>
    kubectl.run(['create', '-f', '-'], { input: pod({}, { name: 'nudged', annotations, labels: { a: 'b' } }) }),
  )

  function patch(body: object): string[] {
    return [
      'patch',
      'pod',
      'nudged',
      '-n',
      namespace,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(body),
    ]
  }

  it('sets, changes and removes the annotation signet.dev/nudge', async () => {
    for (const nudge of ['1', '2', null]) {
      await kubectl.run(patch({ metadata: { annotations: { 'signet.dev/nudge': nudge } } }), { as: controller })
    }
    const nudged = await kubectl.json<Manifest>(['get', 'pod', 'nudged', '-n', namespace])
    expect(nudged.metadata.annotations).toEqual(annotations)
  })

  it('sets it also where there was no annotation', async () => {
    await kubectl.run(['create', '-f', '-'], { input: pod({}, { name: 'plain' }) })
    const body = JSON.stringify({ metadata: { annotations: { 'signet.dev/nudge': '1' } } })
    const args = ['patch', 'pod', 'plain', '-n', namespace, '--subresource=status', '--type=merge', '-p', body]
    await kubectl.run(args, { as: controller })
  })

  it.each<[string, object]>([
    ['another annotation', { metadata: { annotations: { 'signet.dev/nudge': '3', other: 'x' } } }],
    ["another's annotation", { metadata: { annotations: { a: 'c' } } }],
    ['away an annotation', { metadata: { annotations: { a: null } } }],
    ['a label', { metadata: { labels: { a: 'c' } } }],
    ['a finalizer', { metadata: { finalizers: ['example.com/x'] } }],
    ['a forged status', { status: { phase: 'Running' } }],
    ['a forged address', { status: { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] } }],
    ['a forged condition', { status: { conditions: [{ type: 'Ready', status: 'True' }] } }],
  ])('cannot write %s', async (_, body) => {
    const error = await kubectl.refused(patch(body), { as: controller })
    expect(error).toContain("ValidatingAdmissionPolicy 'signet-nudge-only'")
    expect(error).toContain('Signet may change')
  })

  it('is the only one so limited', async () => {
    await kubectl.run(patch({ status: { phase: 'Running' } }))
  })
})

describe('a TokenRevocation', () => {
  const tokenID = 'Gm2vQpRk1c3nLw0s8yXzTA'
  const tokenExpiresAt = '2026-01-31T12:00:00Z'

  it('of a single token, whose expiry is known, is created by the authority', async () => {
    await kubectl.run(dryRun, { input: revocation('token-1', { tokenID, tokenExpiresAt }), as: authority })
  })

  it.each<[string, string, object]>([
    ['a key', 'token-1', { keyID: 'k'.repeat(43) }],
    ['everything before a time', 'token-1', { issuedBefore: tokenExpiresAt }],
    ['a token for longer than it lives', 'token-1', { tokenID }],
    ['a token under the name of another object', 'orders-key-leaked', { tokenID, tokenExpiresAt }],
  ])('of %s is not', async (_, name, spec) => {
    const input = revocation(name, spec)
    expect(await kubectl.refused(dryRun, { input, as: authority })).toContain(
      'the authority may revoke only single tokens',
    )
    await kubectl.run(dryRun, { input })
  })

  it('is not changed or deleted by the authority', async () => {
    await kubectl.run(['create', '-f', '-'], { input: revocation('token-2', { tokenID, tokenExpiresAt }) })
    const args = ['trv', 'token-2', '-n', namespace]
    await kubectl.refused(['label', ...args, 'a=b'], { as: authority })
    await kubectl.refused(['delete', ...args], { as: authority })
  })
})
