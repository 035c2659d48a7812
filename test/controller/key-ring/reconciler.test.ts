import { beforeEach, describe, expect, it } from 'vitest'
import { HOUR } from '../../../src/time/duration.ts'
import { KeyRingReconciler } from '../../../src/controller/key-ring/reconciler.ts'
import { generateSigningKey } from '../../../src/keys/signing-key.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'
import { SecretKeyStore } from '../../../src/kube/keys/secret-key-store.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { subject, wantedKeys } from '../../builders/keys.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const namespace = 'signet-system'
const orders = { namespace: 'shop', name: 'orders', uid: 'uid-1', subject }
const ringRef = { namespace, name: 'signet-keys.shop.orders' }
const jwksRef = { namespace, name: 'signet-jwks.shop.orders' }
const rotating = wantedKeys({ rotationRequest: 'now' })
const signal = new AbortController().signal

let client: MemoryKubeClient
let clock: HeldClock
let living: string

beforeEach(() => {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  living = orders.uid
})

/** A leader whose watches show only what the test tells them to. */
function leader() {
  const rings = new Store<Secret>()
  const published = new Store<ConfigMap>()
  for (const store of [rings, published]) store.advance(namespace, '0')
  const reconciler = new KeyRingReconciler({
    rings: new SecretKeyStore({ client, store: rings, namespace }),
    publicKeys: new ConfigMapPublicKeyStore({ client, store: published, namespace }),
    clock,
    generate: generateSigningKey,
    stillOwner: ({ uid }) => Promise.resolve(uid === living),
  })
  return {
    reconcile: (wanted = wantedKeys(), owner = orders) => reconciler.reconcile(owner, wanted, signal),
    seeRing: async () => rings.set(await live<Secret>('secrets', ringRef)),
    loseRing: () => rings.delete(ringRef),
    seePublished: async () => published.set(await live<ConfigMap>('configMaps', jwksRef)),
  }
}

async function live<T extends Secret | ConfigMap>(kind: 'secrets' | 'configMaps', ref: typeof ringRef): Promise<T> {
  const found = await client.get<T>(resources[kind], ref)
  if (found === undefined) throw new Error('not there')
  return found
}

const jwks = async () => (await live<ConfigMap>('configMaps', jwksRef)).data?.['jwks.json']

describe('a leader whose memory was left behind by another', () => {
  /** The first leader goes on, unseen by the second, until no key that the second knows is left. */
  async function leftBehind() {
    const [first, second] = [leader(), leader()]
    await first.reconcile()
    await second.seeRing()
    await second.seePublished()
    await second.reconcile()
    for (const request of ['1', '2', '3', '4']) {
      for (let run = 0; run < 3; run += 1) {
        await first.reconcile(wantedKeys({ rotationRequest: request }))
        clock.advance(2 * HOUR)
      }
    }
    return { first, second }
  }

  it('I1: believes what the other wrote, though it has not seen what was published of it', async () => {
    const { second } = await leftBehind()
    const [ring, set] = [await live<Secret>('secrets', ringRef), await jwks()]
    await second.seeRing()
    await second.reconcile(wantedKeys({ rotationRequest: '4' }))
    expect(await live<Secret>('secrets', ringRef)).toEqual(ring)
    expect(await jwks()).toBe(set)
  })

  it('I1: restores no ring that lacks keys that are published, and says that it is lost', async () => {
    const { second } = await leftBehind()
    const set = await jwks()
    await client.delete(resources.secrets, ringRef)
    second.loseRing()
    await expect(second.reconcile()).rejects.toMatchObject({ violation: { reason: 'KeyRingLost' } })
    expect(await client.get(resources.secrets, ringRef)).toBeUndefined()
    expect(await jwks()).toBe(set)
  })
})

describe('publishing the keys of a ring', () => {
  it('I4: never shrinks the set by a leader whose view of the ring lags behind that of the set', async () => {
    const first = leader()
    await first.reconcile()
    const second = leader()
    await second.seeRing()
    await second.seePublished()
    await second.reconcile()
    await first.reconcile(rotating)
    const grown = await jwks()
    // The second has seen the new set, but not the ring it was made from.
    await second.seePublished()
    await expect(second.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_KEY_RING' })
    expect(await jwks()).toBe(grown)
    await second.seeRing()
    await second.reconcile()
    expect(await jwks()).toBe(grown)
  })

  it('puts nothing back that was removed with its identity, whose deletion has not been seen', async () => {
    const lagging = leader()
    await lagging.reconcile()
    await client.delete(resources.configMaps, jwksRef)
    const second = leader()
    await second.seeRing()
    living = 'none'
    await expect(second.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_IDENTITY' })
    expect(await client.get(resources.configMaps, jwksRef)).toBeUndefined()
  })

  it('goes on over an annotation that some hand made later than any ring is', async () => {
    const only = leader()
    await only.reconcile()
    const before = await jwks()
    const configMap = await live<ConfigMap>('configMaps', jwksRef)
    const annotations = { ...configMap.metadata.annotations, 'signet.dev/ring-version': '99999999999' }
    await client.replace(resources.configMaps, {
      ...configMap,
      metadata: { ...configMap.metadata, annotations },
      data: { 'jwks.json': '{"keys":[]}' },
    })
    await only.seePublished()
    await only.reconcile()
    expect(await jwks()).toBe(before)
  })

  it("I8: never overwrites the keys of the identity's successor", async () => {
    const lagging = leader()
    await lagging.reconcile()
    living = 'uid-2'
    const successor = leader()
    await successor.seeRing()
    await successor.seePublished()
    await successor.reconcile(wantedKeys(), { ...orders, uid: 'uid-2' })
    const theirs = await jwks()
    await lagging.seePublished()
    await expect(lagging.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_IDENTITY' })
    await lagging.seeRing()
    await expect(lagging.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_IDENTITY' })
    expect(await jwks()).toBe(theirs)
  })

  it('I10: is done before the ring is written again, after a crash between the two', async () => {
    const first = leader()
    await first.reconcile()
    client.failOnce('replace', resources.configMaps, { status: 500, reason: 'InternalError' })
    await expect(first.reconcile(rotating)).rejects.toMatchObject({ status: 500 })
    const second = leader()
    await second.seeRing()
    await second.seePublished()
    clock.advance(2 * HOUR)
    client.writes.length = 0
    await second.reconcile(rotating)
    expect(client.writes[0]).toBe('replace configmaps signet-system/signet-jwks.shop.orders')
  })
})
