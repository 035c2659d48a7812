import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../src/api/v1alpha1/types.ts'
import { HOUR, MINUTE } from '../../../src/time/duration.ts'
import { issuerOf, issuerScopes } from '../../../src/identity/issuer.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { type ConfigMap, publishedKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'
import { decodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { namespace, settings, startIdentityController } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

type Controller = Awaited<ReturnType<typeof startIdentityController>>

let client: MemoryKubeClient
let clock: HeldClock
let controller: Controller
const running: Controller[] = []

const start = async (over: KubeClient = client): Promise<Controller> => {
  const started = await startIdentityController({ client: over, clock })
  running.push(started)
  return started
}

beforeEach(async () => {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  controller = await start()
})
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop()
})

const apply = (spec: ServiceIdentity['spec'] = {}, annotations: Record<string, string> = {}) =>
  client.apply<ServiceIdentity & KubeObject>(
    resources.serviceIdentities,
    { metadata: { name: 'orders', namespace: 'shop', annotations }, spec },
    { fieldManager: 'test', force: true },
  )
const secret = () => client.get<Secret>(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
const identity = () =>
  client.get<ServiceIdentity & KubeObject>(resources.serviceIdentities, { namespace: 'shop', name: 'orders' })
const ring = async () => {
  const stored = await client.get<Secret>(resources.secrets, { namespace, name: 'signet-keys.shop.orders' })
  const text = Buffer.from(stored?.data?.['ring.json'] ?? '', 'base64').toString()
  return text === '' ? undefined : decodeKeyRing(text)
}
const jwks = async () => {
  const configMap = await client.get<ConfigMap>(resources.configMaps, { namespace, name: 'signet-jwks.shop.orders' })
  return configMap === undefined ? [] : (publishedKeys(configMap) ?? [])
}
const token = async (file = 'token') => Buffer.from((await secret())?.data?.[file] ?? '', 'base64').toString()
/** I1: whatever is mounted verifies against what is published. */
const mountedVerifies = async (): Promise<void> => {
  const keys = await jwks()
  for (const [file, value] of Object.entries((await secret())?.data ?? {})) {
    if (!file.endsWith('.jwt')) continue
    const text = Buffer.from(value, 'base64').toString()
    verifyTokenSync(text, {
      keys: (kid) => keys.find((key) => key.kid === kid),
      issuer: settings.issuer,
      audience: undefined,
      now: clock.now(),
    })
  }
}
const untilQuiet = async (process: Controller): Promise<void> => {
  for (let run = 0; run < 10; run += 1) {
    const before = client.writes.length
    await process.reconcile('shop/orders')
    if (client.writes.length === before) return
  }
  throw new Error('the controller does not come to rest')
}

describe('reconciling a ServiceIdentity', () => {
  it('takes five writes, of which the key ring is the first and the public keys come before any token', async () => {
    await apply({ tokens: [{ name: 'a' }, { name: 'b' }] })
    client.writes.length = 0
    await controller.reconcile('shop/orders')
    expect(client.writes).toEqual([
      'create secrets signet-system/signet-keys.shop.orders',
      'create configmaps signet-system/signet-jwks.shop.orders',
      'create secrets shop/signet.orders',
      'apply serviceidentities shop/orders',
    ])
    expect(controller.events).toMatchObject([{ reason: 'Issued', type: 'Normal' }])
    await mountedVerifies()
  })

  it('I7: writes nothing when nothing has changed, also after a restart', async () => {
    await apply()
    await untilQuiet(controller)
    const writes = client.writes.length
    const next = await start()
    expect(await next.reconcile('shop/orders')).toMatchObject({ requeueAfterMs: expect.any(Number) as number })
    expect(client.writes.length).toBe(writes)
  })

  it('I2: asks to be called when the token is due, and renews it then, keeping its key', async () => {
    await apply({ tokens: [{ name: 'a', lifetime: '1h' }] })
    await untilQuiet(controller)
    const first = await token()
    const { requeueAfterMs = 0 } = (await controller.reconcile('shop/orders')) ?? {}
    expect(requeueAfterMs).toBeGreaterThanOrEqual(0.4 * HOUR - 1000)
    expect(requeueAfterMs).toBeLessThanOrEqual(0.5 * HOUR)
    clock.advance(requeueAfterMs)
    await controller.reconcile('shop/orders')
    expect(await token()).not.toBe(first)
    expect((await ring())?.slots).toHaveLength(1)
    expect(controller.events.at(-1)).toMatchObject({ reason: 'Issued', note: 'issued a (Renewing)' })
  })

  it('names the issuer of its scope in tokens, file and status, and mints anew where the scope has changed', async () => {
    await apply({ tokens: [{ name: 'a' }] })
    for (const issuerScope of issuerScopes) {
      const scoped = await startIdentityController({ client, clock, settings: { issuerScope } })
      running.push(scoped)
      await untilQuiet(scoped)
      const issuer = issuerOf(settings.issuer, issuerScope, { namespace: 'shop', name: 'orders' })
      const file = Buffer.from((await secret())?.data?.['issuer'] ?? '', 'base64').toString()
      const [, claims = ''] = (await token()).split('.')
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ iss: issuer })
      expect({ file, status: (await identity())?.status?.issuer }).toEqual({ file: issuer, status: issuer })
      const reason = issuerScope === 'cluster' ? 'Missing' : 'SpecChanged'
      expect(scoped.events).toMatchObject([
        { reason: 'Issued', note: expect.stringContaining(`issued a (${reason})`) as string },
      ])
    }
    expect((await ring())?.slots).toHaveLength(1)
  })

  it('nudges pods for a lifetime under 30 minutes only, unless the chart says otherwise', async () => {
    await apply({ tokens: [{ name: 'a', lifetime: '1h' }] })
    await untilQuiet(controller)
    expect(controller.nudged).toEqual([])
    await apply({ tokens: [{ name: 'a', lifetime: '10m' }] })
    await untilQuiet(controller)
    expect(controller.nudged).toEqual(['shop/orders'])
  })

  it('I10: finds pods whose nudge a crash has lost, though their tokens live long and none is minted', async () => {
    // A key that came well after its identity, as one does that replaces a lost key.
    clock.advance(Date.now() - clock.now() + 5 * MINUTE)
    await apply({ tokens: [{ name: 'a', lifetime: '24h' }] })
    await untilQuiet(controller)
    const writes = client.writes.length
    const next = await startIdentityController({ client, clock, lags: () => true })
    running.push(next)
    await next.reconcile('shop/orders')
    expect(next.urgentlyNudged).toEqual(['shop/orders'])
    clock.advance(11 * MINUTE)
    await next.reconcile('shop/orders')
    expect(next.nudged).toHaveLength(1)
    expect(client.writes).toHaveLength(writes)
  })

  it('I1, I4: rotates by the clock for a week without one mounted token that a stale key set refuses', async () => {
    await apply({
      tokens: [{ name: 'a', lifetime: '6h' }],
      signingKey: { rotationPeriod: '24h', publishAhead: '1h' },
    })
    const end = clock.now() + 7 * 24 * HOUR
    const sets: { at: number; keys: Awaited<ReturnType<typeof jwks>> }[] = []
    const signers = new Set<string>()
    while (clock.now() < end) {
      const { requeueAfterMs = HOUR } = (await controller.reconcile('shop/orders')) ?? {}
      sets.push({ at: clock.now(), keys: await jwks() })
      await mountedVerifies()
      const kid = (await identity())?.status?.tokens?.[0]?.keyID ?? ''
      signers.add(kid)
      // A verifier whose copy is as old as publishAhead still knows the key (a ring's first key excepted).
      const stale = sets.findLast(({ at }) => at <= clock.now() - HOUR)
      if (stale !== undefined) expect(stale.keys.map((key) => key.kid)).toContain(kid)
      clock.advance(Math.max(1000, Math.min(requeueAfterMs, 30 * MINUTE)))
    }
    expect(signers.size).toBeGreaterThanOrEqual(7)
    expect((await jwks()).length).toBeLessThanOrEqual(3)
  })

  it('gives a recreated identity a ring of its own and drops the old keys', async () => {
    await apply()
    await untilQuiet(controller)
    const before = (await ring())?.slots[0]?.keyID
    await client.delete(resources.serviceIdentities, { namespace: 'shop', name: 'orders' })
    await client.delete(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
    await apply()
    await untilQuiet(controller)
    expect((await jwks()).map(({ kid }) => kid)).not.toContain(before)
    await mountedVerifies()
  })

  it('says so once its tokens have expired, whatever keeps it from renewing them', async () => {
    await apply({ tokens: [{ name: 'a', lifetime: '5m' }] })
    await untilQuiet(controller)
    clock.advance(6 * MINUTE)
    client.failOnce('replace', resources.secrets, { status: 500, reason: 'InternalError' })
    await expect(controller.reconcile('shop/orders')).rejects.toMatchObject({ status: 500 })
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ status: 'False', reason: 'Expired' })
    await untilQuiet(controller)
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ status: 'True', reason: 'Issued' })
  })

  it('I7: writes nothing while many keys are published, in whatever order they are stored', async () => {
    await apply({ signingKey: { rotationPeriod: '10m', publishAhead: '30s' }, tokens: [{ name: 'a', lifetime: '1h' }] })
    const end = clock.now() + 2 * HOUR
    while (clock.now() < end) {
      const { requeueAfterMs = 0 } = (await controller.reconcile('shop/orders')) ?? {}
      const writes = client.writes.length
      await controller.reconcile('shop/orders')
      if (requeueAfterMs > 1000) expect(client.writes.length).toBe(writes)
      clock.advance(Math.max(requeueAfterMs, 1000))
    }
    expect((await jwks()).length).toBeGreaterThan(6)
  })

  it('keeps going when keys rotate far faster than they may be removed', async () => {
    await apply({ signingKey: { rotationPeriod: '1m', publishAhead: '30s' }, tokens: [{ name: 'a', lifetime: '90m' }] })
    // After 128 minutes no more keys fit, and the first may go after 151.
    const end = clock.now() + 3 * HOUR
    while (clock.now() < end) {
      const { requeueAfterMs = 0 } = (await controller.reconcile('shop/orders')) ?? {}
      clock.advance(Math.max(requeueAfterMs, 1000))
    }
    expect((await jwks()).length).toBeLessThanOrEqual(128)
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ status: 'True' })
    await mountedVerifies()
  }, 600_000)

  it('asks nothing of the API server while a foreign finalizer keeps a deleted identity', async () => {
    await apply()
    await untilQuiet(controller)
    const ref = { namespace: 'shop', name: 'orders' }
    await client.patch(
      resources.serviceIdentities,
      ref,
      { metadata: { finalizers: ['example.com/x'] } },
      { type: 'merge' },
    )
    await client.delete(resources.serviceIdentities, ref)
    expect(await controller.reconcile('shop/orders')).toBeUndefined()
    expect(await jwks()).toEqual([])
    expect(await controller.reconcile('shop/orders')).toBeUndefined()
  })

  it("I8: sweeps only the keys of the deleted identity, not its successor's", async () => {
    await apply()
    await untilQuiet(controller)
    const ref = { namespace: 'shop', name: 'orders' }
    const keys = await jwks()
    const leaving = {
      metadata: { ...(await identity())?.metadata, uid: 'gone', deletionTimestamp: '2026-01-01T00:00:00Z' },
    }
    // A watch that lags still shows the predecessor, on its way out, while the ring is the successor's.
    const lagging = await startIdentityController({ client, clock, identity: leaving as ServiceIdentity & KubeObject })
    running.push(lagging)
    expect(await lagging.reconcile('shop/orders')).toBeUndefined()
    expect(await jwks()).toEqual(keys)
    expect(await client.get(resources.serviceIdentities, ref)).toBeDefined()
  })

  it('I10: leaves the fresher tokens of a quicker controller in place, and goes on with them', async () => {
    await apply()
    const slow = await start({
      ...bound(client),
      create: async (resource, object, options) => {
        // Another controller is quicker with the Secret that this one has yet to see.
        if (resource === resources.secrets && object.metadata.namespace === 'shop')
          await controller.reconcile('shop/orders')
        return client.create(resource, object, options)
      },
    })
    await expect(slow.reconcile('shop/orders')).rejects.toMatchObject({ status: 409 })
    const first = await token()
    await untilQuiet(slow)
    expect(await token()).toBe(first)
    await mountedVerifies()
  })

  it('tries again where a Secret stood in the way and is deleted before it can be read', async () => {
    await apply()
    const unlucky = await start({
      ...bound(client),
      create: async (resource, object, options) => {
        if (resource !== resources.secrets || object.metadata.namespace !== 'shop') {
          return client.create(resource, object, options)
        }
        throw new KubeError({ verb: 'create', resource, status: 409, reason: 'AlreadyExists' })
      },
    })
    await expect(unlucky.reconcile('shop/orders')).rejects.toMatchObject({ status: 409 })
    expect((await identity())?.status?.tokens).toBeUndefined()
    await untilQuiet(controller)
    await mountedVerifies()
  })

  it('waits for the Secret of an identity that is being collected, and does not touch it', async () => {
    const owner = {
      apiVersion: 'signet.dev/v1alpha1',
      kind: 'ServiceIdentity',
      name: 'orders',
      uid: 'old',
      controller: true,
    }
    await client.create<Secret>(resources.secrets, {
      metadata: { name: 'signet.orders', namespace: 'shop', ownerReferences: [owner] },
      data: { token: 'b2xk' },
    })
    await apply()
    await controller.reconcile('shop/orders')
    expect((await secret())?.data).toEqual({ token: 'b2xk' })
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ reason: 'WaitingForGarbageCollection' })
  })

  it("I8: leaves another's Secret alone, and looks every minute whether it is gone", async () => {
    const name = { name: 'signet.orders', namespace: 'shop' }
    await client.create<Secret>(resources.secrets, { metadata: name, data: { mine: 'eWVz' } })
    await apply()
    const { requeueAfterMs = 0 } = (await controller.reconcile('shop/orders')) ?? {}
    expect(requeueAfterMs).toBe(MINUTE)
    expect((await secret())?.data).toEqual({ mine: 'eWVz' })
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ reason: 'Conflict' })
    await client.delete(resources.secrets, name)
    clock.advance(requeueAfterMs)
    await controller.reconcile('shop/orders')
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ reason: 'Issued' })
  })

  it('repairs what another client changes at once, and ever more slowly while that goes on, and says so', async () => {
    const ref = { namespace: 'shop', name: 'signet.orders' }
    const tamper = () => client.patch(resources.secrets, ref, { data: { token: 'eHg=' } }, { type: 'merge' })
    const restored = async () => (await secret())?.data?.['token'] !== 'eHg='
    await apply()
    await untilQuiet(controller)
    for (let round = 0; round < 6; round += 1) {
      await tamper()
      await controller.reconcile('shop/orders')
      expect(await restored()).toBe(true)
      clock.advance(1000)
    }
    // From now on something fights: ten more minutes of it cost two writes a minute.
    const conflict = { status: 'False', reason: 'Conflict' }
    expect((await identity())?.status?.conditions?.[0]).toMatchObject(conflict)
    const writes = () => client.writes.filter((write) => write === 'replace secrets shop/signet.orders').length
    const before = writes()
    const transition = (await identity())?.status?.conditions?.[0]?.lastTransitionTime
    for (const end = clock.now() + 10 * MINUTE; clock.now() < end;) {
      await tamper()
      const { requeueAfterMs = 0 } = (await controller.reconcile('shop/orders')) ?? {}
      expect(requeueAfterMs).toBeLessThanOrEqual(30_000)
      expect((await identity())?.status?.conditions?.[0]).toMatchObject({ ...conflict, lastTransitionTime: transition })
      clock.advance(1000)
    }
    expect(writes() - before).toBeLessThanOrEqual(26)
    // It ends: half a minute later all is well.
    await controller.reconcile('shop/orders')
    clock.advance(31_000)
    await controller.reconcile('shop/orders')
    expect(await restored()).toBe(true)
    clock.advance(31_000)
    await controller.reconcile('shop/orders')
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ status: 'True', reason: 'Issued' })
    await mountedVerifies()
  })

  it('I10: reaches the same state from a crash before or after any of its writes', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let crashAt = 1; crashAt <= 12; crashAt += 1) await crashAndRecover(when, crashAt)
    }
  })
})

/** Lives through creation and one forced rotation with a crash at one write, then looks whether all is whole. */
async function crashAndRecover(when: 'before' | 'after', crashAt: number): Promise<void> {
  client = createMemoryKubeClient()
  clock = new HeldClock()
  let writes = 0
  const crashing = intercept(client, async (write) => {
    writes += 1
    if (writes === crashAt && when === 'before') throw new Error('crash')
    const result = await write()
    if (writes === crashAt) throw new Error('crash')
    return result
  })
  let process = await start(crashing)
  const spec = { tokens: [{ name: 'a', lifetime: '5m' }], signingKey: { rotationPeriod: '1h', publishAhead: '30s' } }
  await apply(spec)
  for (let step = 0; step < 24; step += 1) {
    if (step === 6) await apply(spec, { 'signet.dev/rotate-key': 'now' })
    try {
      await process.reconcile('shop/orders')
    } catch {
      process = await start(client)
    }
    await mountedVerifies()
    clock.advance(10_000)
  }
  const slots = (await ring())?.slots ?? []
  const title = `crash ${when} write ${crashAt}`
  expect(
    slots.filter(({ state }) => state === 'Active'),
    title,
  ).toHaveLength(1)
  expect(slots.length, title).toBe(2)
  expect((await identity())?.status?.conditions?.[0], title).toMatchObject({ status: 'True' })
  expect((await jwks()).map(({ kid }) => kid).sort(), title).toEqual(slots.map(({ keyID }) => keyID).sort())
  const active = slots.find(({ state }) => state === 'Active')
  expect((active?.activeAt ?? 0) - (active?.publishedAt ?? 0), title).toBeGreaterThanOrEqual(30_000)
}

/** The client as an object whose methods can be replaced. */
function bound(inner: KubeClient): KubeClient {
  return {
    get: (...parameters) => inner.get(...parameters),
    list: (...parameters) => inner.list(...parameters),
    watch: (...parameters) => inner.watch(...parameters),
    create: (...parameters) => inner.create(...parameters),
    replace: (...parameters) => inner.replace(...parameters),
    apply: (...parameters) => inner.apply(...parameters),
    patch: (...parameters) => inner.patch(...parameters),
    delete: (...parameters) => inner.delete(...parameters),
  }
}

/** The client with every write passed through a hand of the test's. */
function intercept(inner: MemoryKubeClient, hand: (write: () => Promise<unknown>) => Promise<unknown>): KubeClient {
  const writing = new Set(['create', 'replace', 'apply', 'patch', 'delete'])
  return new Proxy<KubeClient>(inner, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      const call = (...parameters: unknown[]): unknown => Reflect.apply(method, target, parameters)
      if (!writing.has(String(name))) return call
      return (...parameters: unknown[]) => hand(() => Promise.resolve(call(...parameters)))
    },
  })
}
