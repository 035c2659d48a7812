import { describe, expect, it } from 'vitest'
import { TooManyRequests } from '../../../src/authority/oauth/oauth-error.ts'
import { RateLimit } from '../../../src/authority/oauth/rate-limit.ts'

describe('RateLimit', () => {
  it('lets a burst pass and then so many a second', () => {
    const limit = new RateLimit({ perSecond: 10, burstSeconds: 1 })
    const taken = (count: number, now: number) =>
      Array.from({ length: count }, () => limit.take('a', now)).filter((wait) => wait === 0).length
    expect(taken(20, 0)).toBe(10)
    expect(limit.take('a', 0)).toBe(100)
    expect(taken(20, 99)).toBe(0)
    expect(taken(20, 100)).toBe(1)
    expect(taken(20, 1_100)).toBe(10)
    expect(taken(20, 100_000)).toBe(10)
  })

  it('counts each by itself', () => {
    const limit = new RateLimit({ perSecond: 1, burstSeconds: 1 })
    expect([limit.take('a', 0), limit.take('b', 0)]).toEqual([0, 0])
    expect(limit.take('a', 0)).toBe(1_000)
  })

  it('gives nothing for a clock that goes back', () => {
    const limit = new RateLimit({ perSecond: 1, burstSeconds: 1 })
    limit.take('a', 1_000)
    expect(limit.take('a', 0)).toBe(1_000)
  })

  it('lets everything pass where there is no limit', () => {
    const limit = new RateLimit({ perSecond: 0 })
    for (let count = 0; count < 1_000; count += 1) expect(limit.take('a', 0)).toBe(0)
  })

  it('forgets who has not come for longest, not who comes all the time', () => {
    const limit = new RateLimit({ perSecond: 1, burstSeconds: 1, entries: 2 })
    limit.take('a', 0)
    for (const other of ['b', 'c', 'd']) {
      expect(limit.take('a', 0)).toBeGreaterThan(0)
      limit.take(other, 0)
    }
    expect(limit.take('b', 0)).toBe(0)
  })
})

describe('TooManyRequests', () => {
  it('is a 429 that says when to come again, in whole seconds', () => {
    const error = new TooManyRequests(1_200)
    expect([error.status, error.error, error.retryAfter]).toEqual([429, 'temporarily_unavailable', 2])
    expect(new TooManyRequests(1).retryAfter).toBe(1)
  })
})
