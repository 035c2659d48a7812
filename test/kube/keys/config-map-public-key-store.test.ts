import { beforeEach, describe, expect, it } from 'vitest'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { keySlot } from '../../builders/keys.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const namespace = 'signet-system'
const orders = { namespace: 'shop', name: 'orders' }
const ref = { namespace, name: 'signet-jwks.shop.orders' }

let client: MemoryKubeClient
let store: Store<ConfigMap>
let published: ConfigMapPublicKeyStore
let keys: PublicJwk[]

beforeEach(async () => {
  client = createMemoryKubeClient()
  store = new Store()
  store.advance(namespace, '0')
  published = new ConfigMapPublicKeyStore({ client, store, namespace })
  keys = [(await keySlot()).publicJwk]
})

async function change(metadata: Partial<ConfigMap['metadata']>): Promise<ConfigMap> {
  const live = await client.get<ConfigMap>(resources.configMaps, ref)
  if (live === undefined) throw new Error('no such ConfigMap')
  return client.replace(resources.configMaps, { ...live, metadata: { ...live.metadata, ...metadata } })
}

/** As a watch with our selector shows it: gone. */
function unseen({ metadata }: ConfigMap): void {
  store.delete(ref)
  store.advance(namespace, metadata.resourceVersion ?? '')
}

const created = (error: unknown) => error instanceof KubeError && error.isAlreadyExists
const wanted = (uid: string, of = keys) => ({ uid, keys: of, ringVersion: '7' })

describe('publishing', () => {
  it('says whose keys these are and from which version of the ring', async () => {
    await published.put(orders, undefined, wanted('uid-1'))
    const live = await client.get<ConfigMap>(resources.configMaps, ref)
    expect(live?.metadata.annotations).toMatchObject({
      'signet.dev/identity-uid': 'uid-1',
      'signet.dev/ring-version': '7',
    })
    expect(published.get(orders)).toMatchObject({ keys, uid: 'uid-1', ringVersion: '7' })
  })

  it('keeps what people ask for in annotations, and no other annotation', async () => {
    const read = await published.put(orders, undefined, wanted('uid-1', []))
    const asked = { 'signet.dev/rotate-key': 'now', 'signet.dev/revoke-key': 'a,b' }
    const live = await client.get<ConfigMap>(resources.configMaps, ref)
    store.set(await change({ annotations: { ...live?.metadata.annotations, ...asked, other: 'x' } }))
    await expect(published.put(orders, read, wanted('uid-1'))).rejects.toThrow(KubeError)
    await published.put(orders, published.get(orders), wanted('uid-1'))
    const stored = await client.get<ConfigMap>(resources.configMaps, ref)
    expect(stored?.metadata.annotations).toEqual({
      'signet.dev/namespace': 'shop',
      'signet.dev/name': 'orders',
      'signet.dev/identity-uid': 'uid-1',
      'signet.dev/ring-version': '7',
      ...asked,
    })
  })

  it('I4: replaces what was read when it was decided, and nothing written since, though the watch shows that', async () => {
    const read = await published.put(orders, undefined, wanted('uid-1', []))
    const later = await published.put(orders, read, wanted('uid-1'))
    await expect(published.put(orders, read, wanted('uid-1', []))).rejects.toSatisfy(
      (error) => error instanceof KubeError && error.isConflict,
    )
    expect(published.get(orders)).toEqual(later)
  })
})

describe('public keys whose ConfigMap has lost its labels', () => {
  it('I1: get them back with the keys they have, and fail so that the next look judges by those', async () => {
    await published.put(orders, undefined, wanted('uid-0'))
    unseen(await change({ labels: {} }))
    await expect(published.put(orders, undefined, wanted('uid-1', []))).rejects.toSatisfy(created)
    const live = await client.get<ConfigMap>(resources.configMaps, ref)
    expect(live?.metadata.labels).toEqual({
      'app.kubernetes.io/managed-by': 'signet',
      'signet.dev/component': 'public-keys',
    })
    expect(published.get(orders)).toMatchObject({ keys, uid: 'uid-0' })
    expect(store.get(ref)?.metadata.resourceVersion).toBe(live?.metadata.resourceVersion)
  })

  it.each([{}, { 'signet.dev/namespace': 'shop', 'signet.dev/name': 'other' }])(
    'are not written over a ConfigMap annotated %j',
    async (annotations) => {
      await published.put(orders, undefined, wanted('uid-1', []))
      const foreign = await change({ labels: {}, annotations })
      unseen(foreign)
      await expect(published.put(orders, undefined, wanted('uid-1'))).rejects.toSatisfy(created)
      expect(await client.get(resources.configMaps, ref)).toEqual(foreign)
    },
  )
})

describe('public keys that another writer stored first', () => {
  it('I4: are not written over, since they may be of a later ring, and are seen by the next look', async () => {
    await published.put(orders, undefined, wanted('uid-1'))
    store.delete(ref)
    store.advance(namespace, '0')
    const live = await client.get<ConfigMap>(resources.configMaps, ref)
    await expect(published.put(orders, undefined, wanted('uid-1', []))).rejects.toSatisfy(
      (error) => error instanceof KubeError && error.isAlreadyExists,
    )
    expect(await client.get(resources.configMaps, ref)).toEqual(live)
    expect(published.get(orders)?.keys).toEqual(keys)
  })
})

describe('removing public keys', () => {
  it('removes what was read and nothing written since', async () => {
    await published.put(orders, undefined, wanted('uid-1'))
    const live = await change({ labels: { a: 'b' } })
    await expect(published.remove(orders)).rejects.toSatisfy((error) => error instanceof KubeError && error.isConflict)
    store.set(live)
    await published.remove(orders)
    expect(await client.get(resources.configMaps, ref)).toBeUndefined()
  })
})
