import { beforeEach, describe, expect, it } from 'vitest'
import { KeyRingReconciler } from '../../../src/controller/key-ring/reconciler.ts'
import type { KeyOwner } from '../../../src/controller/key-ring/owner.ts'
import { HOUR } from '../../../src/time/duration.ts'
import { publicKeys } from '../../../src/keys/key-ring/key-ring.ts'
import { generateSigningKey } from '../../../src/keys/signing-key.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'
import { SecretKeyStore } from '../../../src/kube/keys/secret-key-store.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { namespace } from '../../builders/identity-controller.ts'
import { subject, wantedKeys } from '../../builders/keys.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const owner: KeyOwner = { namespace: 'shop', name: 'orders', uid: 'uid-1', subject }
const publicRef = { namespace, name: 'signet-jwks.shop.orders' }
const { signal } = new AbortController()

let client: MemoryKubeClient
let clock: HeldClock
let living: boolean

beforeEach(() => {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  living = true
})

/** A controller whose watches show what is there now and nothing of what comes. */
function controller() {
  const stores = { rings: new Store<Secret>(), publicKeys: new Store<ConfigMap>() }
  for (const [collection, store] of [
    ['secrets', stores.rings],
    ['configmaps', stores.publicKeys],
  ] as const) {
    for (const object of client.storage.list(collection)) store.set(object)
    store.advance('', String(client.storage.version))
  }
  const publicKeyStore = new ConfigMapPublicKeyStore({ client, store: stores.publicKeys, namespace })
  const reconciler = new KeyRingReconciler({
    rings: new SecretKeyStore({ client, store: stores.rings, namespace }),
    publicKeys: publicKeyStore,
    clock,
    generate: generateSigningKey,
    stillOwner: async () => living,
  })
  return {
    stores,
    published: () => publicKeyStore.get(owner),
    reconcile: () => reconciler.reconcile(owner, wantedKeys(), signal),
  }
}

const configMap = () => client.get<ConfigMap>(resources.configMaps, publicRef)

describe('a key ring whose public half is not what the ring says', () => {
  it('I10: gets it stored where a crash came between the two writes', async () => {
    client.failOnce('create', resources.configMaps, { status: 503, reason: 'ServiceUnavailable' })
    await expect(controller().reconcile()).rejects.toMatchObject({ status: 503 })
    const next = controller()
    const { ring } = await next.reconcile()
    expect(next.published()?.keys).toEqual(publicKeys(ring))
  })

  it('I4: takes nothing away from the published set where the watch shows a ring of the past', async () => {
    const slow = controller()
    await slow.reconcile()
    clock.advance(23 * HOUR)
    const quick = controller()
    const { ring } = await quick.reconcile()
    expect(ring.slots).toHaveLength(2)
    const newest = await configMap()
    // The watch of ConfigMaps has observed the second key, that of rings has not yet.
    slow.stores.publicKeys.set(newest!)
    clock.advance(-23 * HOUR)
    await expect(slow.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_KEY_RING' })
    expect(await configMap()).toEqual(newest)
  })

  it('I4: puts on record that a publication was lost before it is made again, in case of a crash', async () => {
    await controller().reconcile()
    clock.advance(23 * HOUR)
    const { ring } = await controller().reconcile()
    expect(ring.slots[1]).toMatchObject({ state: 'Published', publishedAt: clock.now() })
    await client.delete(resources.configMaps, publicRef)
    clock.advance(2 * HOUR)
    client.failOnce('create', resources.configMaps, { status: 503, reason: 'ServiceUnavailable' })
    await expect(controller().reconcile()).rejects.toMatchObject({ status: 503 })
    const next = await controller().reconcile()
    expect(next.ring.slots[1]).toMatchObject({ state: 'Published', publishedAt: clock.now() })
  })

  it('is not published again where the deletion of its identity took the public half away', async () => {
    const slow = controller()
    await slow.reconcile()
    await client.delete(resources.configMaps, publicRef)
    slow.stores.publicKeys.delete(publicRef)
    living = false
    await expect(slow.reconcile()).rejects.toMatchObject({ code: 'ERR_STALE_IDENTITY' })
    expect(await configMap()).toBeUndefined()
  })
})
