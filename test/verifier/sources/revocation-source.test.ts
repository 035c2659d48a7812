import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Revocation } from '../../../src/tokens/revocation.ts'
import type { FetchDocument } from '../../../src/verifier/http/fetch-document.ts'
import {
  noRevocations,
  RevocationListSource,
  type RevocationListSourceOptions,
} from '../../../src/verifier/sources/revocation-source.ts'
import { FetchError } from '../../../src/verifier/http/fetch-error.ts'

const issuer = 'https://issuer.example'
const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
const token = { keyID: 'key', claims: { sub, jti: 'one', iat: 0 } }
const revoked: Revocation = { sub, jti: 'one', exp: 1000 }

let listed: readonly Revocation[]
let failure: FetchError | undefined
let fetches: number[]
let feed: RevocationListSource

const fetch: FetchDocument = async (url, { etag }) => {
  fetches.push(Date.now())
  expect(url).toBe(`${issuer}/revocations`)
  if (failure !== undefined) throw failure
  const text = JSON.stringify({ issuer, revocations: listed })
  const current = `"${text.length}"`
  return etag === current ? 'unchanged' : { text, etag: current }
}

function feedOf(options: Partial<RevocationListSourceOptions> = {}): RevocationListSource {
  feed = new RevocationListSource({
    issuer,
    url: `${issuer}/revocations`,
    fetch,
    optional: false,
    maxBytes: 1000,
    maxEntries: 10,
    refreshMs: 5000,
    maxAgeMs: Number.POSITIVE_INFINITY,
    clock: { now: () => Date.now(), monotonic: () => Date.now() },
    random: () => 0,
    ...options,
  })
  return feed
}

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  listed = []
  failure = undefined
  fetches = []
})

afterEach(() => {
  feed.close()
  vi.useRealTimers()
})

describe('the feed of revocations', () => {
  it('I5: revokes within one poll', async () => {
    await feedOf().start()
    expect(feed.has(token)).toBe(false)
    listed = [revoked]
    await vi.advanceTimersByTimeAsync(5000)
    expect(feed.has(token)).toBe(true)
    expect(feed).toMatchObject({ size: 1, unknown: 0, failure: undefined })
  })

  it('changes its version with what is revoked, and not where nothing has changed', async () => {
    await feedOf().start()
    const before = feed.version
    await vi.advanceTimersByTimeAsync(30_000)
    expect(feed.version).toBe(before)
    listed = [revoked]
    await vi.advanceTimersByTimeAsync(5000)
    expect(feed.version).toBeGreaterThan(before)
  })

  it('I5: revokes on, whatever the authority answers later', async () => {
    listed = [revoked]
    await feedOf().start()
    listed = []
    await vi.advanceTimersByTimeAsync(10_000)
    expect(feed.has(token)).toBe(true)
    failure = new FetchError('ERR_FETCH_STATUS', '404', { status: 404 })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(feed.has(token)).toBe(true)
    expect(feed.problem()).toBeUndefined()
    expect(feed.ageMs).toBe(600_000)
  })

  it('I5: forgets nothing that is listed because a clock is wrong', async () => {
    listed = [revoked]
    await feedOf({ clock: { now: () => 9e12, monotonic: () => Date.now() } }).start()
    await vi.advanceTimersByTimeAsync(120_000)
    expect(feed.has(token)).toBe(true)
  })

  it('is asked for again within half a minute after a failure, however rarely it is otherwise', async () => {
    await feedOf({ refreshMs: 600_000 }).start()
    failure = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
    await vi.advanceTimersByTimeAsync(630_000)
    expect(fetches).toEqual([0, 600_000, 630_000])
  })

  it('forgets what is no longer listed and has ended', async () => {
    listed = [revoked]
    await feedOf().start()
    listed = []
    await vi.advanceTimersByTimeAsync(1_130_000)
    expect(feed.size).toBe(0)
  })

  it('keeps what it has where the list is longer than it may be', async () => {
    listed = [revoked]
    await feedOf().start()
    listed = Array.from({ length: 11 }, (_, index) => ({ sub, jti: `other-${index}`, exp: 1000 }))
    await vi.advanceTimersByTimeAsync(5000)
    expect(feed.failure).toContain('more than 10 entries')
    expect(feed.has(token)).toBe(true)
  })
})

describe('before the first list', () => {
  it('I6: nothing can be told where revocations are required', async () => {
    failure = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
    void feedOf().start()
    await expect(feed.settle()).rejects.toMatchObject({
      code: 'ERR_VERIFIER_UNAVAILABLE',
      message: 'revocations have not been loaded yet: ECONNREFUSED',
    })
    failure = undefined
    await vi.advanceTimersByTimeAsync(1000)
    await feed.settle()
    expect(feed.problem()).toBeUndefined()
  })

  it('an authority that has none is told by name, and asked less often', async () => {
    failure = new FetchError('ERR_FETCH_STATUS', `${issuer}/revocations answers 404`, { status: 404 })
    void feedOf().start()
    await vi.advanceTimersByTimeAsync(130_000)
    expect(feed.problem()).toMatch(/publishes no revocations; upgrade the authority, or set revocations to 'optional'/)
    expect(fetches).toEqual([0, 60_000, 120_000])
  })

  it('tokens are accepted where revocations are optional, and once there is a list it holds', async () => {
    failure = new FetchError('ERR_FETCH_STATUS', '404', { status: 404 })
    void feedOf({ optional: true }).start()
    await feed.settle()
    expect(feed.problem()).toBeUndefined()
    failure = undefined
    listed = [revoked]
    await vi.advanceTimersByTimeAsync(60_000)
    expect(feed.has(token)).toBe(true)
  })
})

it('a list that has not been confirmed for too long tells nothing, where that is asked for', async () => {
  await feedOf({ maxAgeMs: 20_000 }).start()
  failure = new FetchError('ERR_FETCH_FAILED', 'ECONNREFUSED')
  await vi.advanceTimersByTimeAsync(20_000)
  expect(feed.problem()).toBeUndefined()
  await vi.advanceTimersByTimeAsync(1)
  expect(feed.problem()).toBe('revocations have not been confirmed within maxRevocationsAgeMs')
  await expect(feed.settle()).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
})

it('without revocations nothing is revoked and nothing waited for', async () => {
  feedOf()
  await noRevocations.settle()
  expect([noRevocations.has(token), noRevocations.problem()]).toEqual([false, undefined])
})
