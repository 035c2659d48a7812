import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ServiceAccountIssuerKeys } from '../../../src/authority/callers/service-account-issuer-keys.ts'
import type { ClusterIssuer } from '../../../src/tokens/cluster-issuer.ts'
import { silentLogger } from '../../../src/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { clusterIssuer } from '../../builders/account-token.ts'
import { settled } from '../../builders/identity-controller.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const first = keys.RS256.publicJwk
const second = keys.ES256.publicJwk

/** Keys of an API server that says what the test has it say; `undefined` is away. */
function clusterKeys(options: { refreshMs?: number } = {}) {
  const state = { answer: { issuer: clusterIssuer, keys: [first] } as ClusterIssuer | undefined, reads: 0, now: 0 }
  const one = new ServiceAccountIssuerKeys({
    read: async () => {
      state.reads += 1
      await sleep(1)
      if (state.answer === undefined) throw new Error('away')
      return state.answer
    },
    clock: { now: () => Date.now(), monotonic: () => state.now },
    logger: silentLogger,
    ...options,
  })
  return { one, state }
}

describe('ServiceAccountIssuerKeys', () => {
  it('knows nothing before it has read', () => {
    const { one } = clusterKeys()
    expect([one.issuer, one.key(first.kid), one.hasAttempted]).toEqual([undefined, undefined, false])
  })

  it('looks again at most once in ten seconds, whatever is asked for, and once for all who ask', async () => {
    const { one, state } = clusterKeys()
    await Promise.all(Array.from({ length: 10 }, () => one.refresh()))
    expect([state.reads, one.issuer, one.key(first.kid)]).toEqual([1, clusterIssuer, first])
    state.answer = { issuer: clusterIssuer, keys: [first, second] }
    state.now = 9_999
    expect([await one.refresh(), one.key(second.kid)]).toEqual([true, undefined])
    state.now = 10_000
    expect([await one.refresh(), one.key(second.kid), state.reads]).toEqual([true, second, 2])
  })

  it('I6: lets only a few tokens wait for an API server that hangs: invented keys must not exhaust the replica', async () => {
    const answer = Promise.withResolvers<ClusterIssuer>()
    const clock = new HeldClock()
    const one = new ServiceAccountIssuerKeys({ read: () => answer.promise, clock, logger: silentLogger })
    const asked = Array.from({ length: 100 }, () => one.refresh())
    const told: boolean[] = []
    for (const one of asked) void one.then((holds) => told.push(holds))
    await settled()
    expect(told).toEqual(Array.from({ length: 36 }, () => false))
    answer.resolve({ issuer: clusterIssuer, keys: [first] })
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(64)
    expect(await one.refresh()).toBe(true)
    // All places are free again.
    clock.advance(10_000)
    expect(await Promise.all(Array.from({ length: 64 }, () => one.refresh()))).not.toContain(false)
  })

  it('keeps the object of a key that has not changed, and drops a key that is gone', async () => {
    const { one, state } = clusterKeys()
    await one.refresh()
    state.now = 10_000
    state.answer = { issuer: clusterIssuer, keys: [{ ...first }, second] }
    await one.refresh()
    expect(one.key(first.kid)).toBe(first)
    // Another key of the same kid is another.
    const replaced = { ...keys.PS256.publicJwk, alg: 'RS256' as const, kid: first.kid }
    state.now = 20_000
    state.answer = { issuer: clusterIssuer, keys: [replaced] }
    await one.refresh()
    expect(one.key(first.kid)).toEqual(replaced)
    state.now = 30_000
    state.answer = { issuer: clusterIssuer, keys: [second] }
    await one.refresh()
    expect(one.key(first.kid)).toBeUndefined()
  })

  it('I6: keeps the last good keys while the API server is away, and says that it cannot tell', async () => {
    const { one, state } = clusterKeys()
    await one.refresh()
    state.answer = undefined
    state.now = 10_000
    expect([await one.refresh(), one.key(first.kid), one.issuer]).toEqual([false, first, clusterIssuer])
    state.now = 10_001
    expect([await one.refresh(), state.reads]).toEqual([false, 2])
  })

  it('I6: gives up a reading that takes too long, and says that it cannot tell', async () => {
    const one = new ServiceAccountIssuerKeys({
      read: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('late')))),
      clock: new HeldClock(),
      logger: silentLogger,
      timeoutMs: 20,
    })
    expect([await one.refresh(), one.hasAttempted, one.issuer]).toEqual([false, true, undefined])
  })

  it('says that it has asked, also where it got no answer', async () => {
    const { one, state } = clusterKeys()
    state.answer = undefined
    expect([await one.refresh(), one.hasAttempted, one.issuer]).toEqual([false, true, undefined])
  })

  it('reads by itself, again and again, until it is stopped', async () => {
    const { one, state } = clusterKeys({ refreshMs: 5 })
    const stop = new AbortController()
    const running = one.run(stop.signal)
    await eventually(() => expect(state.reads).toBeGreaterThan(2))
    state.answer = { issuer: clusterIssuer, keys: [second] }
    await eventually(() => expect(one.key(second.kid)).toBe(second))
    stop.abort()
    await running
  })
})
