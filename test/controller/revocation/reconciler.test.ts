import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ServiceIdentity, TokenRevocation, TokenRevocationSpec } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { decodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { type ConfigMap, publishedKeys } from '../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { namespace, settings, startIdentityController } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

type Controller = Awaited<ReturnType<typeof startIdentityController>>
type Stored = TokenRevocation & KubeObject

let client: MemoryKubeClient
let clock: HeldClock
let controller: Controller
const running: Controller[] = []

const start = async (options: Partial<Parameters<typeof startIdentityController>[0]> = {}): Promise<Controller> => {
  const started = await startIdentityController({ client, clock, ...options })
  running.push(started)
  return started
}

beforeEach(async () => {
  client = createMemoryKubeClient()
  // The API server's clock, by which a revocation is created.
  clock = new HeldClock(Math.floor(Date.now() / SECOND) * SECOND)
  controller = await start()
})
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop()
})

const twoTokens = { tokens: [{ name: 'a' }, { name: 'b' }] }
const apply = (name = 'orders', spec: ServiceIdentity['spec'] = twoTokens) =>
  client.apply<ServiceIdentity & KubeObject>(
    resources.serviceIdentities,
    { metadata: { name, namespace: 'shop' }, spec },
    { fieldManager: 'test', force: true },
  )
const revoke = (what: Partial<TokenRevocationSpec>, name = 'leak') =>
  client.create<Stored>(resources.tokenRevocations, {
    apiVersion: 'signet.dev/v1alpha1',
    kind: 'TokenRevocation',
    metadata: { name, namespace: 'shop' },
    spec: { identity: 'orders', ...what },
  })
const revocation = (name = 'leak') => client.get<Stored>(resources.tokenRevocations, { namespace: 'shop', name })
const applied = async (name = 'leak') => (await revocation(name))?.status?.conditions?.[0]
const identity = (name = 'orders') =>
  client.get<ServiceIdentity & KubeObject>(resources.serviceIdentities, { namespace: 'shop', name })
const secret = (name = 'orders') => client.get<Secret>(resources.secrets, { namespace: 'shop', name: `signet.${name}` })
const ringSecret = (name = 'orders') =>
  client.get<Secret>(resources.secrets, { namespace, name: `signet-keys.shop.${name}` })
const slots = async () =>
  decodeKeyRing(Buffer.from((await ringSecret())?.data?.['ring.json'] ?? '', 'base64').toString()).slots
const configMap = (name = 'orders') =>
  client.get<ConfigMap>(resources.configMaps, { namespace, name: `signet-jwks.shop.${name}` })
const jwks = async () => publishedKeys((await configMap()) ?? { metadata: { name: '' } }) ?? []
const file = async (name: string) => Buffer.from((await secret())?.data?.[name] ?? '', 'base64').toString()
const facts = async (name: string) => (await identity())?.status?.tokens?.find((token) => token.name === name)

/** Both reconcilers, as their queues would run them, until nothing is written any more. */
const untilQuiet = async (process = controller, names = ['leak']): Promise<void> => {
  for (let run = 0; run < 10; run += 1) {
    const before = client.writes.length
    await process.reconcile('shop/orders')
    for (const name of names) await process.judge(`shop/${name}`)
    if (client.writes.length === before) return
  }
  throw new Error('the controller does not come to rest')
}
/** I1: whatever is mounted verifies against what is published. */
const mountedVerifies = async (): Promise<void> => {
  const keys = await jwks()
  for (const name of ['a.jwt', 'b.jwt']) {
    const found = (kid: string) => keys.find((key) => key.kid === kid)
    verifyTokenSync(await file(name), { keys: found, issuer: settings.issuer, audience: undefined, now: clock.now() })
  }
}

describe('revoking a key', () => {
  it('withdraws it before anything is minted with the fresh one, and mints every token of the identity anew', async () => {
    await apply()
    await untilQuiet()
    const [leaked] = await slots()
    const before = await file('a.jwt')
    await revoke({ keyID: leaked?.keyID ?? '' })
    client.writes.length = 0
    clock.advance(SECOND)
    await controller.reconcile('shop/orders')
    expect(client.writes).toEqual([
      'replace secrets signet-system/signet-keys.shop.orders',
      'replace configmaps signet-system/signet-jwks.shop.orders',
      'replace secrets shop/signet.orders',
      'apply serviceidentities shop/orders',
    ])
    const [revoked, fresh] = await slots()
    expect(revoked).toMatchObject({ keyID: leaked?.keyID, state: 'Revoked' })
    expect(revoked).not.toHaveProperty('privateJwk')
    expect(fresh).toMatchObject({ state: 'Active', urgent: true })
    expect((await jwks()).map(({ kid }) => kid)).toEqual([fresh?.keyID])
    expect(await file('a.jwt')).not.toBe(before)
    await mountedVerifies()
    expect(controller.nudged).toEqual(['shop/orders'])
    expect(controller.events.at(-1)).toMatchObject({ reason: 'Revoked', action: 'RevokeKey' })
    expect(controller.events.at(-1)?.note).toBe(
      `key ${leaked?.keyID ?? ''} revoked; issued a, b (KeyGone); key ${fresh?.keyID ?? ''} created (Revoked)`,
    )
  })

  it('I8: leaves every other identity unchanged, byte for byte', async () => {
    await apply()
    await apply('payments')
    await untilQuiet()
    await controller.reconcile('shop/payments')
    const others = async () => [await secret('payments'), await ringSecret('payments'), await configMap('payments')]
    const before = await others()
    await revoke({ keyID: (await slots())[0]?.keyID ?? '' })
    await untilQuiet()
    await controller.reconcile('shop/payments')
    expect(await others()).toEqual(before)
    expect(before.every((object) => object !== undefined)).toBe(true)
  })

  it('is reported in the status of the revocation and in Events of both, once', async () => {
    await apply()
    await untilQuiet()
    const keyID = (await slots())[0]?.keyID ?? ''
    await revoke({ keyID })
    await controller.judge('shop/leak')
    expect(await applied()).toMatchObject({ type: 'Applied', status: 'False', reason: 'Applying' })
    await untilQuiet()
    const removeAt = (await identity())?.status?.keys?.[0]?.removeAt
    expect((await revocation())?.status).toMatchObject({
      observedGeneration: 1,
      expiresAt: removeAt,
      conditions: [
        {
          type: 'Applied',
          status: 'True',
          reason: 'Revoked',
          message: `Key ${keyID} has left the JWK Set, and no mounted token is signed by it`,
        },
      ],
    })
    const reported = controller.events.filter(({ action }) => action === 'Revoke')
    expect(reported.map(({ regarding, type, note }) => [regarding.kind, type, note])).toEqual([
      ['TokenRevocation', 'Normal', `Key ${keyID} has left the JWK Set, and no mounted token is signed by it`],
      ['ServiceIdentity', 'Normal', `key ${keyID} revoked by TokenRevocation leak`],
    ])
  })

  it('drops a published successor with it, which has never signed', async () => {
    await apply('orders', { ...twoTokens, signingKey: { rotationPeriod: '24h', publishAhead: '23h' } })
    await untilQuiet()
    clock.advance(2 * HOUR)
    await untilQuiet()
    const [active, published] = await slots()
    expect([active?.state, published?.state]).toEqual(['Active', 'Published'])
    await revoke({ keyID: active?.keyID ?? '' })
    await untilQuiet()
    const kids = (await jwks()).map(({ kid }) => kid)
    expect(kids).toHaveLength(1)
    expect(kids).not.toContain(published?.keyID)
    await mountedVerifies()
  })

  it('changes nothing when it is asked for twice', async () => {
    await apply()
    await untilQuiet()
    const keyID = (await slots())[0]?.keyID ?? ''
    await revoke({ keyID })
    await untilQuiet()
    const before = [await secret(), await ringSecret(), await configMap()]
    await revoke({ keyID }, 'again')
    await untilQuiet(controller, ['leak', 'again'])
    expect([await secret(), await ringSecret(), await configMap()]).toEqual(before)
    expect(await applied('again')).toMatchObject({ status: 'True', reason: 'Revoked' })
  })

  it('says so where the identity has no such key, and touches nothing', async () => {
    await apply()
    await untilQuiet()
    const before = [await secret(), await ringSecret(), await configMap()]
    await revoke({ keyID: 'x'.repeat(43) })
    await untilQuiet()
    expect(await applied()).toMatchObject({ status: 'False', reason: 'KeyUnknown' })
    expect([await secret(), await ringSecret(), await configMap()]).toEqual(before)
    expect(controller.events.at(-1)).toMatchObject({ type: 'Warning', reason: 'KeyUnknown' })
  })

  it('is done also where the spec has become invalid meanwhile', async () => {
    await apply()
    await untilQuiet()
    const keyID = (await slots())[0]?.keyID ?? ''
    await apply('orders', { tokens: [{ name: 'a', claims: { groups: 'admin' } }] })
    await untilQuiet()
    expect((await jwks()).map(({ kid }) => kid)).toContain(keyID)
    await revoke({ keyID })
    await untilQuiet()
    expect((await jwks()).map(({ kid }) => kid)).not.toContain(keyID)
    expect((await identity())?.status?.conditions?.[0]).toMatchObject({ reason: 'InvalidSpec' })
  })

  it('removes it from the public keys although the key ring is blocked', async () => {
    await apply()
    await untilQuiet()
    const keyID = (await slots())[0]?.keyID ?? ''
    const spoil = async () => {
      const ring = { namespace, name: 'signet-keys.shop.orders' }
      await client.patch(resources.secrets, ring, { data: { 'ring.json': 'e30=' } }, { type: 'merge' })
      await controller.reconcile('shop/orders')
    }
    await spoil()
    expect((await slots()).map((slot) => slot.keyID)).toEqual([keyID])
    // Spoilt again at once, it is not restored yet.
    await spoil()
    expect((await jwks()).map(({ kid }) => kid)).toEqual([keyID])
    const { metadata, data } = (await configMap())!
    await revoke({ keyID })
    await controller.reconcile('shop/orders')
    expect(await jwks()).toEqual([])
    expect((await configMap())?.metadata.annotations).toEqual(metadata.annotations)
    expect((await configMap())?.data).not.toEqual(data)
    await controller.judge('shop/leak')
    expect(await applied()).toMatchObject({ status: 'False', reason: 'Applying' })
    clock.advance(MINUTE)
    await untilQuiet()
    expect((await slots()).map(({ state }) => state)).toEqual(['Revoked', 'Active'])
    await mountedVerifies()
  })

  it.each([
    ['is lost', undefined],
    ['cannot be used', { 'ring.json': 'e30=' }],
  ])('makes fresh keys where the ring %s after a restart', async (_title, data) => {
    await apply()
    await untilQuiet()
    const keyID = (await slots())[0]?.keyID ?? ''
    const ring = { namespace, name: 'signet-keys.shop.orders' }
    if (data === undefined) await client.delete(resources.secrets, ring)
    else await client.patch(resources.secrets, ring, { data }, { type: 'merge' })
    const next = await start()
    await next.reconcile('shop/orders')
    expect((await jwks()).map(({ kid }) => kid)).toEqual([keyID])
    await revoke({ keyID })
    clock.advance(SECOND)
    await untilQuiet(next)
    const [fresh] = await slots()
    expect((await jwks()).map(({ kid }) => kid)).toEqual([fresh?.keyID])
    expect(fresh?.keyID).not.toBe(keyID)
    await mountedVerifies()
  })

  it('I10: is whole after a crash before or after any of its writes', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let crashAt = 1; crashAt <= 5; crashAt += 1) {
        const title = `crash ${when} write ${crashAt}`
        await apply()
        await apply('payments')
        await untilQuiet()
        await controller.reconcile('shop/payments')
        const bystander = await secret('payments')
        const keyID = (await slots()).find(({ state }) => state === 'Active')?.keyID ?? ''
        const name = `leak-${when}-${crashAt}`
        await revoke({ keyID }, name)
        const crashing = await start({ client: failing(client, when, crashAt) })
        const crashed = await untilQuiet(crashing, [name]).then(
          () => false,
          () => true,
        )
        const next = await start()
        await untilQuiet(next, [name])
        const kids = (await jwks()).map(({ kid }) => kid)
        expect(kids, title).toHaveLength(1)
        expect(kids, title).not.toContain(keyID)
        expect((await slots()).filter(({ state }) => state === 'Active').length, title).toBe(1)
        expect(await applied(name), title).toMatchObject({ status: 'True' })
        expect(await secret('payments'), title).toEqual(bystander)
        expect(crashed, title).toBe(true)
        await mountedVerifies()
      }
    }
  })

  it('finds a nudge again that a crash has lost, also for tokens of an hour', async () => {
    await apply()
    await untilQuiet()
    await revoke({ keyID: (await slots())[0]?.keyID ?? '' })
    await controller.reconcile('shop/orders')
    const since: number[] = []
    const next = await start({ lags: (_key, time) => since.push(time) > 0 })
    await next.reconcile('shop/orders')
    expect(next.nudged).toEqual(['shop/orders'])
    expect(since).toEqual([Date.parse((await facts('a'))?.issuedAt ?? '')])
  })
})

describe('revoking a token', () => {
  it('mints it anew, keeps the other token and the key, and nudges the pods', async () => {
    await apply()
    await untilQuiet()
    const before = { a: await file('a.jwt'), b: await file('b.jwt'), jwks: await configMap(), ring: await ringSecret() }
    await revoke({ tokenID: (await facts('a'))?.tokenID ?? '' })
    await untilQuiet()
    expect(await file('a.jwt')).not.toBe(before.a)
    expect(await file('b.jwt')).toBe(before.b)
    expect([await configMap(), await ringSecret()]).toEqual([before.jwks, before.ring])
    expect(controller.nudged).toContain('shop/orders')
    expect(await applied()).toMatchObject({ status: 'True', reason: 'Revoked' })
    expect(controller.events.map(({ note }) => note)).toContain('issued a (Revoked)')
    await mountedVerifies()
  })

  it('is kept until an hour after the token would have expired, and deletes itself then', async () => {
    await apply()
    await untilQuiet()
    const { tokenID = '', expiresAt = '' } = (await facts('a')) ?? {}
    await revoke({ tokenID })
    await controller.judge('shop/leak')
    await untilQuiet()
    const end = Date.parse(expiresAt) + HOUR
    expect((await revocation())?.status?.expiresAt).toBe(formatTime(end))
    expect(await controller.judge('shop/leak')).toEqual({ requeueAfterMs: end - clock.now() })
    clock.advance(end - clock.now() - 1)
    await controller.judge('shop/leak')
    expect(await revocation()).toBeDefined()
    clock.advance(1)
    expect(await controller.judge('shop/leak')).toBeUndefined()
    expect(await revocation()).toBeUndefined()
    expect(client.writes.at(-1)).toBe('delete tokenrevocations shop/leak')
  })

  it('never deletes another object of its name, nor a later state of it', async () => {
    await revoke({ tokenID: 't1' })
    await controller.judge('shop/leak')
    const asked: unknown[] = []
    const watching = await start({
      client: new Proxy<KubeClient>(client, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name)
          if (name !== 'delete' || typeof method !== 'function') return method
          return (...parameters: unknown[]): unknown => {
            asked.push(parameters[2])
            return Reflect.apply(method, target, parameters)
          }
        },
      }),
    })
    const { uid, resourceVersion } = (await revocation())?.metadata ?? {}
    clock.advance(26 * HOUR)
    await watching.judge('shop/leak')
    expect(asked).toMatchObject([{ uid, resourceVersion }])
  })
})

describe('revoking everything that was issued before a time', () => {
  it('mints every older token anew, once', async () => {
    await apply()
    await untilQuiet()
    const before = { a: await file('a.jwt'), b: await file('b.jwt') }
    clock.advance(10 * SECOND)
    await revoke({ issuedBefore: formatTime(clock.now()) })
    await untilQuiet()
    const after = { a: await file('a.jwt'), b: await file('b.jwt') }
    expect(after.a).not.toBe(before.a)
    expect(after.b).not.toBe(before.b)
    expect(await applied()).toMatchObject({ status: 'True', reason: 'Revoked' })
    clock.advance(MINUTE)
    await untilQuiet()
    expect({ a: await file('a.jwt'), b: await file('b.jwt') }).toEqual(after)
  })

  it('keeps what was issued at that time or later', async () => {
    await apply()
    await untilQuiet()
    const before = [await secret(), await ringSecret()]
    await revoke({ issuedBefore: formatTime(clock.now()) })
    await untilQuiet()
    expect([await secret(), await ringSecret()]).toEqual(before)
  })

  it('waits where the time is a little ahead, and is called then', async () => {
    await apply()
    await untilQuiet()
    const before = await file('a.jwt')
    await revoke({ issuedBefore: formatTime(clock.now() + 20 * SECOND) })
    const again = await controller.reconcile('shop/orders')
    expect(again).toEqual({ requeueAfterMs: 20 * SECOND })
    expect(await controller.judge('shop/leak')).toEqual({ requeueAfterMs: 20 * SECOND })
    expect(await file('a.jwt')).toBe(before)
    expect(await applied()).toMatchObject({ status: 'False', reason: 'NotYet' })
    clock.advance(20 * SECOND)
    await untilQuiet()
    expect(await file('a.jwt')).not.toBe(before)
    expect(await applied()).toMatchObject({ status: 'True' })
  })

  it('is refused where the time is far ahead: nothing is minted, and it stays for the user to delete', async () => {
    await apply()
    await untilQuiet()
    const before = await secret()
    await revoke({ issuedBefore: formatTime(clock.now() + HOUR) })
    await untilQuiet()
    expect(await applied()).toMatchObject({ status: 'False', reason: 'TooFarAhead' })
    expect(await controller.judge('shop/leak')).toBeUndefined()
    expect(await secret()).toEqual(before)
  })
})

describe('a revocation of an identity that is not there', () => {
  it('says so, and goes when nothing of it can be alive', async () => {
    await revoke({ keyID: 'x'.repeat(43) })
    await controller.judge('shop/leak')
    expect(await applied()).toMatchObject({ status: 'False', reason: 'IdentityMissing' })
    clock.advance(25 * HOUR + MINUTE)
    await controller.judge('shop/leak')
    expect(await revocation()).toBeUndefined()
    expect(await controller.judge('shop/leak')).toBeUndefined()
  })
})

/** The client whose writes end at the given one with a crash, before or after it was done. */
function failing(inner: MemoryKubeClient, when: 'before' | 'after', crashAt: number): KubeClient {
  const writing = new Set(['create', 'replace', 'apply', 'patch', 'delete'])
  let writes = 0
  return new Proxy<KubeClient>(inner, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      const call = (...parameters: unknown[]): unknown => Reflect.apply(method, target, parameters)
      if (!writing.has(String(name))) return call
      return async (...parameters: unknown[]) => {
        writes += 1
        if (writes >= crashAt && when === 'before') throw new Error('crash')
        const result = await call(...parameters)
        if (writes >= crashAt) throw new Error('crash')
        return result
      }
    },
  })
}
