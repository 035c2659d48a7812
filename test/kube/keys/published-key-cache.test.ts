import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type RingOwner, theAuthority } from '../../../src/identity/key-owner.ts'
import { publicKeysName } from '../../../src/identity/workload.ts'
import { serializeJwks } from '../../../src/keys/jwks.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { type ConfigMap, leanPublicKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { PublishedKeyCache } from '../../../src/kube/keys/published-key-cache.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { eventually } from '../../builders/eventually.ts'
import { settled } from '../../builders/identity-controller.ts'
import { keySlot } from '../../builders/keys.ts'
import { recordingLogger } from '../../fakes/api-server-fixture.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const namespace = 'signet-system'
const orders = { namespace: 'shop', name: 'orders' }
const payments = { namespace: 'shop', name: 'payments.v2' }
const labels = { 'signet.dev/component': 'public-keys' }

let client: MemoryKubeClient
let first: PublicJwk
let second: PublicJwk
beforeAll(async () => {
  first = (await keySlot()).publicJwk
  second = (await keySlot()).publicJwk
})
beforeEach(() => {
  client = createMemoryKubeClient()
})

const configMap = (owner: RingOwner, text: string): ConfigMap => ({
  metadata: { name: publicKeysName(owner), namespace, labels },
  data: { 'jwks.json': text },
})
const create = (owner: RingOwner, ...keys: PublicJwk[]) =>
  client.create(resources.configMaps, configMap(owner, serializeJwks(keys)))
const change = async (owner: RingOwner, text: string, more: Record<string, string> = {}): Promise<ConfigMap> => {
  const live = await client.get<ConfigMap>(resources.configMaps, { namespace, name: publicKeysName(owner) })
  if (live === undefined) throw new Error('no such ConfigMap')
  const metadata = { ...live.metadata, labels: { ...labels, ...more } }
  return client.replace(resources.configMaps, { ...live, metadata, data: { 'jwks.json': text } })
}
const remove = (owner: RingOwner) => client.delete(resources.configMaps, { namespace, name: publicKeysName(owner) })

/** A replica of the authority that has listed and watches. */
async function replica(over: KubeClient = client) {
  const logger = recordingLogger()
  const reflector = new Reflector<ConfigMap>({
    client: over,
    resource: resources.configMaps,
    namespace,
    transform: leanPublicKeys,
    timings: { quickMs: 0, backoff: { baseMs: 1, capMs: 5, healthyMs: 1_000 } },
  })
  const sets = new PublishedKeyCache({ reflector, namespace, logger })
  let changes = 0
  sets.onChange(() => {
    changes += 1
  })
  const before = sets.ready()
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  await reflector.synced()
  await settled()
  return { sets, reflector, logger, before, changes: () => changes }
}

/**
 * A client whose watches are told by the test. Each tells first what there is at a version, as a streaming list; the
 * function that comes with it ends it, as where its history is gone.
 */
function toldWatches() {
  const opened: { tell: (at: number, ...objects: ConfigMap[]) => void; forget: () => void }[] = []
  const watch: KubeClient['watch'] = (_resource, _query, onEvent, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      const gone = {
        verb: 'watch',
        resource: resources.configMaps,
        status: 410,
        reason: 'Expired',
        detail: 'gone',
      } as const
      opened.push({
        tell: (at, ...objects) => {
          for (const object of objects) onEvent({ type: 'ADDED', object })
          const annotations = { 'k8s.io/initial-events-end': 'true' }
          onEvent({ type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: String(at), annotations } } })
        },
        forget: () => reject(new KubeError(gone)),
      })
    })
  const nth = (index: number) => eventually(() => opened[index] ?? Promise.reject(new Error('not opened yet')))
  return { client: { ...client, watch }, nth }
}
const at = (resourceVersion: number, owner: RingOwner, ...keys: PublicJwk[]): ConfigMap => {
  const { metadata, data } = configMap(owner, serializeJwks(keys))
  return {
    metadata: { ...metadata, uid: publicKeysName(owner), resourceVersion: String(resourceVersion) },
    data: { ...data },
  }
}

const kidsOf = (sets: PublishedKeyCache) =>
  Object.fromEntries(sets.identities().map(({ identity, keys }) => [identity.name, keys.map(({ kid }) => kid)]))

describe('PublishedKeyCache', () => {
  it('I5: tells whose keys they are, and of another identity of the name also where the keys are the same', async () => {
    await create(orders, first)
    const { sets } = await replica()
    const ref = { namespace, name: publicKeysName(orders) }
    const belongsTo = async (uid: string): Promise<void> => {
      const live = await client.get<ConfigMap>(resources.configMaps, ref)
      if (live === undefined) throw new Error('no such ConfigMap')
      const metadata = { ...live.metadata, annotations: { 'signet.dev/identity-uid': uid } }
      await client.replace(resources.configMaps, { ...live, metadata })
      await settled()
    }
    await belongsTo('one')
    expect(sets.identities()).toMatchObject([{ identity: orders, uid: 'one' }])
    const { version } = sets
    await belongsTo('two')
    expect(sets.identities()).toMatchObject([{ identity: orders, uid: 'two' }])
    expect(sets.version).toBeGreaterThan(version)
  })

  it('is ready once all are listed, and has the keys of each identity', async () => {
    await create(orders, first)
    await create(payments, second)
    const { sets, before } = await replica()
    expect(before).toBe(false)
    expect(sets.ready()).toBe(true)
    expect(kidsOf(sets)).toEqual({ orders: [first.kid], 'payments.v2': [second.kid] })
    expect(sets.identities().map(({ identity }) => identity)).toEqual([orders, payments])
  })

  it('follows every change, under a higher version, and leaves the others the objects that they were', async () => {
    await create(orders, first)
    const { sets } = await replica()
    const [before] = sets.identities()
    const versions = [sets.version]
    await create(payments, second)
    await settled()
    versions.push(sets.version)
    expect(sets.identities()[0]).toBe(before)
    await change(payments, serializeJwks([first, second]))
    await settled()
    versions.push(sets.version)
    expect(kidsOf(sets)['payments.v2']).toHaveLength(2)
    await remove(orders)
    await settled()
    versions.push(sets.version)
    expect(kidsOf(sets)).not.toHaveProperty('orders')
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b))
  })

  it('takes no change of anything but the keys for one', async () => {
    await create(orders, first)
    const { sets, changes } = await replica()
    const before = { version: sets.version, sequence: sets.sequence, changes: changes(), held: sets.identities()[0] }
    await change(orders, serializeJwks([first]), { team: 'checkout' })
    await settled()
    expect({ version: sets.version, sequence: sets.sequence, changes: changes(), held: sets.identities()[0] }).toEqual(
      before,
    )
  })

  it('I1: keeps the last good keys of a ConfigMap that cannot be read, and says so', async () => {
    await create(orders, first)
    const { sets, logger } = await replica()
    await change(orders, '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}')
    await client.create(resources.configMaps, {
      ...configMap(orders, serializeJwks([second])),
      metadata: { name: 'mine', namespace, labels },
    })
    await settled()
    expect(kidsOf(sets)).toEqual({ orders: [first.kid] })
    expect(JSON.stringify(logger.lines)).toContain('signet-system/signet-jwks.shop.orders')
    expect(JSON.stringify(logger.lines)).toContain('signet-system/mine')
    expect(JSON.stringify(logger.lines)).not.toContain('c2VjcmV0')
    await change(orders, serializeJwks([second]))
    await settled()
    expect(kidsOf(sets)).toEqual({ orders: [second.kid] })
  })

  it('tells the issuing keys from those of identities, by the name of their ConfigMap alone', async () => {
    await create(orders, first)
    const { sets, changes } = await replica()
    expect(sets.issuingKeys()).toEqual([])
    const before = { version: sets.version, changes: changes() }
    await create(theAuthority, second)
    // Its annotations may say what they like.
    const annotations = { 'signet.dev/namespace': 'signet-system', 'signet.dev/name': 'authority' }
    await client.create(resources.configMaps, {
      ...configMap({ namespace: 'authority', name: 'authority' }, serializeJwks([first])),
      metadata: { name: 'signet-jwks.authority.authority', namespace, labels, annotations },
    })
    await settled()
    expect(sets.issuingKeys()).toEqual([second])
    expect(kidsOf(sets)).toEqual({ orders: [first.kid], authority: [first.kid] })
    expect(sets.version).toBe(before.version + 2)
    expect(changes()).toBe(before.changes + 2)
  })

  it('I1: keeps the last good keys of the authority too, and drops them with their ConfigMap', async () => {
    await create(theAuthority, first)
    const { sets, logger } = await replica()
    const good = sets.issuingKeys()
    await change(theAuthority, 'no set')
    await settled()
    expect(sets.issuingKeys()).toBe(good)
    expect(JSON.stringify(logger.lines)).toContain('signet-system/signet-jwks.authority')
    await change(theAuthority, serializeJwks([first]), { team: 'checkout' })
    await change(theAuthority, serializeJwks([first]), { team: 'payments' })
    await change(theAuthority, serializeJwks([first, second]))
    await settled()
    expect(sets.issuingKeys()).toHaveLength(2)
    const { version } = sets
    await remove(theAuthority)
    await settled()
    expect(sets.issuingKeys()).toEqual([])
    expect(sets.version).toBe(version + 1)
  })

  it('I4: has a sequence that grows with every change, and is the resource version that all replicas see', async () => {
    await create(orders, first)
    const [one, other] = [await replica(), await replica()]
    const seen = [one.sets.sequence]
    const sequence = async () => {
      await settled()
      seen.push(one.sets.sequence)
      expect(other.sets.sequence).toBe(one.sets.sequence)
      return String(one.sets.sequence)
    }
    expect(await sequence()).toBe(one.reflector.store.progress(namespace))
    expect(await create(payments, second).then(sequence)).toBe(one.reflector.store.progress(namespace))
    const changed = await change(payments, serializeJwks([first, second]))
    expect(await sequence()).toBe(changed.metadata.resourceVersion)
    await remove(orders)
    expect(await sequence()).toBe(one.reflector.store.progress(namespace))
    const [, ...since] = seen
    expect(since).toEqual([...new Set(since)].sort((a, b) => a - b))
    // One that starts now has never heard of the deleted one, and still does not say less.
    expect((await replica()).sets.sequence).toBeGreaterThanOrEqual(one.sets.sequence)
  })

  it.each([
    ['the version of the list', 90, 90],
    ['one more than before, where versions have gone back', 40, 51],
  ])('I4: learns from a list of a deletion that it missed, and has then %s', async (_, listedAt, sequence) => {
    const told = toldWatches()
    const starting = replica(told.client)
    const before = await told.nth(0)
    before.tell(50, at(31, orders, first), at(32, payments, second))
    const { sets, changes } = await starting
    expect(sets.sequence).toBe(50)
    const known = changes()
    before.forget()
    const after = await told.nth(1)
    expect(sets.ready()).toBe(true)
    expect(kidsOf(sets)).toEqual({ orders: [first.kid], 'payments.v2': [second.kid] })
    after.tell(listedAt, at(32, payments, second))
    expect(kidsOf(sets)).toEqual({ 'payments.v2': [second.kid] })
    expect(sets.sequence).toBe(sequence)
    expect(changes()).toBe(known + 1)
  })
})
