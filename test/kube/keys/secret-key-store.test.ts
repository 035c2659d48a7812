import { beforeEach, describe, expect, it } from 'vitest'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'
import { SecretKeyStore } from '../../../src/kube/keys/secret-key-store.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import { keyRing, keySlot } from '../../builders/keys.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const namespace = 'signet-system'
const orders = { namespace: 'shop', name: 'orders' }
const ref = { namespace, name: 'signet-keys.shop.orders' }
const labels = { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'key-ring' }

let client: MemoryKubeClient
let store: Store<Secret>
let rings: SecretKeyStore

beforeEach(() => {
  client = createMemoryKubeClient()
  store = new Store()
  store.advance(namespace, '0')
  rings = new SecretKeyStore({ client, store, namespace })
})

/** Changes the stored Secret behind the controller's back, after which the watch with its selector shows it no more. */
async function changed(change: (secret: Secret) => Secret): Promise<void> {
  const live = await client.get<Secret>(resources.secrets, ref)
  if (live === undefined) throw new Error('no such Secret')
  const { metadata } = await client.replace(resources.secrets, change(live))
  store.delete(ref)
  store.advance(namespace, metadata.resourceVersion ?? '')
  client.writes.length = 0
}

const withoutLabels = (secret: Secret): Secret => ({
  ...secret,
  metadata: { ...secret.metadata, labels: { team: 'a' } },
})
const anotherRing = async (uid = 'uid-1') =>
  sealKeyRing(keyRing([await keySlot({ state: 'Active' })], { uid }), undefined)
const created = (error: unknown) => error instanceof KubeError && error.isAlreadyExists

describe('creating a key ring whose Secret has lost its labels', () => {
  it('restores the labels, keeps the keys, and fails so that the next look goes on with them', async () => {
    const ring = (await rings.create(orders, await anotherRing())).open()
    await changed(withoutLabels)
    await expect(rings.create(orders, await anotherRing())).rejects.toSatisfy(created)
    const live = await client.get<Secret>(resources.secrets, ref)
    expect(live?.metadata.labels).toEqual({ team: 'a', ...labels })
    expect(rings.get(orders)?.open()).toEqual(ring)
    expect(rings.get(orders)?.version).toBe(live?.metadata.resourceVersion)
  })

  it('does so too with the ring of an earlier identity of the name, which the reconcile then removes', async () => {
    await rings.create(orders, await anotherRing('uid-0'))
    await changed(withoutLabels)
    await expect(rings.create(orders, await anotherRing())).rejects.toSatisfy(created)
    expect(rings.get(orders)?.open().uid).toBe('uid-0')
  })

  it.each<[string, (secret: Secret) => Secret]>([
    ['of another type', (secret) => ({ ...secret, type: 'Opaque' })],
    ['without our annotations', (secret) => ({ ...secret, metadata: { ...secret.metadata, annotations: {} } })],
    [
      'of another identity',
      (secret) => ({
        ...secret,
        metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, 'signet.dev/name': 'other' } },
      }),
    ],
  ])('leaves a Secret %s alone', async (_, change) => {
    await rings.create(orders, await anotherRing())
    await changed((secret) => change(withoutLabels(secret)))
    await expect(rings.create(orders, await anotherRing())).rejects.toSatisfy(created)
    expect(client.writes).toEqual([`create secrets ${namespace}/${ref.name}`])
    expect(rings.get(orders)).toBeUndefined()
  })
})

describe('a freshly fetched key ring', () => {
  it('is fetched past the watch, which learns of it, whatever that shows', async () => {
    const seen = await rings.create(orders, await anotherRing())
    expect((await rings.fetch(orders))?.version).toBe(seen.version)
    const live = await client.get<Secret>(resources.secrets, ref)
    const { metadata } = await client.replace(resources.secrets, live!)
    expect(rings.get(orders)?.version).toBe(seen.version)
    expect((await rings.fetch(orders))?.version).toBe(metadata.resourceVersion)
    expect(rings.get(orders)?.version).toBe(metadata.resourceVersion)
    await client.delete(resources.secrets, ref)
    expect(await rings.fetch(orders)).toBeUndefined()
  })
})
