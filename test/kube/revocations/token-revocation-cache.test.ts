import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { TokenRevocation, TokenRevocationSpec } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { type CachedRevocation, revocationTransform } from '../../../src/kube/revocations/revocation-transform.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { TokenRevocationCache } from '../../../src/kube/revocations/token-revocation-cache.ts'
import { eventually } from '../../builders/eventually.ts'
import { settled } from '../../builders/identity-controller.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const lean = revocationTransform('cluster.local')
const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
const token = (claims: Partial<{ sub: string; jti: string; iat: number }> = {}, keyID = 'key-1') => ({
  keyID,
  claims: { sub, jti: 'token-1', iat: 1000, ...claims },
})

let client: MemoryKubeClient
let clock: HeldClock
beforeEach(() => {
  client = createMemoryKubeClient()
  clock = new HeldClock(Date.now())
})

const now = () => clock.now() / SECOND
/** The fake API server stamps the time of creation with its own clock, which is the system's. */
const create = (name: string, spec: Partial<TokenRevocationSpec>, namespace = 'shop') =>
  client.create<TokenRevocation & KubeObject>(resources.tokenRevocations, {
    apiVersion: 'signet.dev/v1alpha1',
    kind: 'TokenRevocation',
    metadata: { name, namespace },
    spec: { identity: 'orders', ...spec },
  })
const remove = (name: string, namespace = 'shop') => client.delete(resources.tokenRevocations, { namespace, name })
const judged = (name: string, expiresAt: number) =>
  client.apply<TokenRevocation & KubeObject>(
    resources.tokenRevocations,
    { metadata: { name, namespace: 'shop' }, status: { expiresAt: formatTime(expiresAt) } },
    { fieldManager: 'test', subresource: 'status' },
  )

async function replica(over: KubeClient = client, behindMs = 0) {
  const reflector = new Reflector<CachedRevocation>({
    client: over,
    resource: resources.tokenRevocations,
    transform: (object) => lean(object as TokenRevocation & KubeObject),
    timings: { quickMs: 0, backoff: { baseMs: 1, capMs: 5, healthyMs: 1_000 } },
  })
  const revocations = new TokenRevocationCache({
    reflector,
    now: () => clock.now() - behindMs,
    serverNow: () => clock.now(),
  })
  let changes = 0
  revocations.onChange(() => {
    changes += 1
  })
  const before = revocations.ready()
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    revocations.close()
    await running
  })
  await reflector.synced()
  await settled()
  return { revocations, before, changes: () => changes }
}
/** A sweep comes with one tick of fifteen. */
const sweep = ({ tick }: { tick: () => void }) => {
  for (let count = 0; count < 15; count++) tick()
}
const sweeping = (revocations: TokenRevocationCache) => sweep({ tick: () => revocations.tick() })

describe('TokenRevocationCache', () => {
  it('are ready once all are listed, and know tokens, keys and times', async () => {
    await create('a', { tokenID: 'token-1' })
    await create('b', { keyID: 'key-2' })
    await create('c', { identity: 'carts', issuedBefore: formatTime(clock.now() - MINUTE) })
    const { revocations, before, changes } = await replica()
    expect(before).toBe(false)
    expect(revocations.ready()).toBe(true)
    expect(changes()).toBeGreaterThan(0)
    expect(revocations.has(token())).toBe(true)
    expect(revocations.has(token({ jti: 'other' }))).toBe(false)
    expect(revocations.has(token({ jti: 'other' }, 'key-2'))).toBe(true)
    const carts = 'spiffe://cluster.local/ns/shop/sa/carts'
    const limit = Math.ceil((clock.now() - MINUTE) / SECOND)
    expect(revocations.has(token({ sub: carts, iat: limit - 2 }))).toBe(true)
    expect(revocations.has(token({ sub: carts, iat: limit }))).toBe(false)
    expect(revocations.list()).toHaveLength(3)
    expect(revocations.list()).toContainEqual(expect.objectContaining({ sub, jti: 'token-1' }))
  })

  it('I8: of a namespace mean identities of that namespace only', async () => {
    await create('a', { tokenID: 'token-1' }, 'attacker')
    await create('b', { keyID: 'key-1' }, 'attacker')
    await create('c', { issuedBefore: formatTime(clock.now()) }, 'attacker')
    const { revocations } = await replica()
    expect(revocations.has(token())).toBe(false)
    expect(revocations.has(token({ sub: 'spiffe://cluster.local/ns/attacker/sa/orders' }))).toBe(true)
  })

  it('follow the watch under a higher version, and say a change once', async () => {
    const { revocations, changes } = await replica()
    const [version, told] = [revocations.version, changes()]
    await create('a', { tokenID: 'token-1' })
    await eventually(() => expect(revocations.has(token())).toBe(true))
    expect(revocations.version).toBeGreaterThan(version)
    expect(changes()).toBe(told + 1)
  })

  it('do not mean what was refused, and a time ahead only when it has come', async () => {
    await create('refused', { issuedBefore: formatTime(clock.now() + 10 * MINUTE) })
    await create('soon', { issuedBefore: formatTime(clock.now() + 30 * SECOND) })
    const { revocations } = await replica()
    const young = token({ iat: Math.floor(now()) })
    expect(revocations.has(young)).toBe(false)
    expect(revocations.list()).toEqual([])
    const { version } = revocations
    clock.advance(31 * SECOND)
    revocations.tick()
    expect(revocations.has(young)).toBe(true)
    expect(revocations.version).toBeGreaterThan(version)
    expect(revocations.list()).toHaveLength(1)
  })

  it('I5: of a time hold when it has come by the API server, however far behind the clock of the replica is', async () => {
    await create('now', { issuedBefore: formatTime(clock.now()) })
    await create('soon', { identity: 'carts', issuedBefore: formatTime(clock.now() + 30 * SECOND) })
    const { revocations } = await replica(client, HOUR)
    clock.advance(SECOND)
    revocations.tick()
    const iat = Math.floor(now()) - 2
    const carts = token({ sub: 'spiffe://cluster.local/ns/shop/sa/carts', iat })
    expect([revocations.has(token({ iat })), revocations.has(carts)]).toEqual([true, false])
    clock.advance(30 * SECOND)
    revocations.tick()
    expect(revocations.has(carts)).toBe(true)
  })

  it('are forgotten by the clock: 25 hours after creation, five minutes after a known expiry, or as the status says', async () => {
    await create('unknown', { tokenID: 'token-1' })
    await create('known', { tokenID: 'token-2', tokenExpiresAt: formatTime(clock.now() + 10 * MINUTE) })
    await create('judged', { tokenID: 'token-3' })
    await judged('judged', clock.now() + 2 * HOUR)
    const { revocations } = await replica()
    const alive = () =>
      revocations
        .list()
        .map(({ jti }) => jti)
        .sort()
    const after = (milliseconds: number) => {
      clock.advance(milliseconds)
      sweeping(revocations)
      return alive()
    }
    expect(after(14 * MINUTE)).toEqual(['token-1', 'token-2', 'token-3'])
    expect(after(2 * MINUTE)).toEqual(['token-1', 'token-3'])
    expect(revocations.has(token({ jti: 'token-2' }))).toBe(false)
    expect(after(2 * HOUR)).toEqual(['token-1'])
    expect(after(23 * HOUR)).toEqual([])
  })

  it('I5: two of one token hold until the later one ends', async () => {
    await create('early', { tokenID: 'token-1', tokenExpiresAt: formatTime(clock.now()) })
    await create('late', { tokenID: 'token-1' })
    const { revocations } = await replica()
    clock.advance(HOUR)
    sweeping(revocations)
    expect(revocations.list()).toHaveLength(1)
    expect(revocations.has(token())).toBe(true)
  })

  it('I5: stay although their object is deleted before its end, and are forgotten then', async () => {
    await create('a', { tokenID: 'token-1', tokenExpiresAt: formatTime(clock.now() + MINUTE) })
    const { revocations } = await replica()
    await remove('a')
    await settled()
    expect(revocations.has(token())).toBe(true)
    clock.advance(10 * MINUTE)
    sweeping(revocations)
    expect(revocations.has(token())).toBe(false)
  })

  it('remember no more than a thousand deleted ones of a namespace, which costs no other namespace anything', async () => {
    for (let count = 0; count < 1005; count++) await create(`t${count}`, { tokenID: `t${count}` })
    await create('a', { tokenID: 'token-1' }, 'quiet')
    const { revocations } = await replica()
    for (let count = 0; count < 1005; count++) await remove(`t${count}`)
    await remove('a', 'quiet')
    await eventually(() => expect(revocations.list()).toHaveLength(1001))
    expect(revocations.has(token({ sub: 'spiffe://cluster.local/ns/quiet/sa/orders' }))).toBe(true)
  })

  it('I5: stay while the watch is away, and where it comes back with fewer', async () => {
    await create('a', { tokenID: 'token-1' })
    let away = false
    let drop: () => void = () => undefined
    const error = { verb: 'watch', resource: resources.tokenRevocations, status: 410, reason: 'Expired' } as const
    const flaky: KubeClient = {
      ...client,
      watch: (resource, query, onEvent, signal, onOpen) => {
        if (away) return Promise.reject(new KubeError({ ...error, status: 0, reason: 'Unreachable' }))
        return new Promise((resolve, reject) => {
          drop = () => reject(new KubeError(error))
          client.watch(resource, query, onEvent, signal, onOpen).then(resolve, reject)
        })
      },
      list: (resource, options) =>
        away
          ? Promise.reject(new KubeError({ ...error, verb: 'list', status: 0, reason: 'Unreachable' }))
          : client.list(resource, options),
    }
    const { revocations } = await replica(flaky)
    away = true
    drop()
    await remove('a')
    await create('b', { tokenID: 'token-2' })
    await settled()
    expect(revocations.ready()).toBe(true)
    expect(revocations.has(token())).toBe(true)
    away = false
    await eventually(() => expect(revocations.has(token({ jti: 'token-2' }))).toBe(true))
    expect(revocations.has(token())).toBe(true)
  })

  it('know at once what was taken in beside the watch, which changes nothing when it comes', async () => {
    const { revocations } = await replica()
    const stored = await create('a', { tokenID: 'token-1' })
    revocations.apply(lean(stored))
    expect(revocations.has(token())).toBe(true)
    const { version } = revocations
    await settled()
    expect(revocations.version).toBe(version)
    expect(revocations.list()).toHaveLength(1)
  })
})
