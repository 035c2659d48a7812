import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../../src/time/token-bucket.ts'

const bucket = () => new TokenBucket({ perSecond: 10, burst: 5, overdraft: 20 }, 0)

describe('a token bucket', () => {
  it('gives a burst, then so many a second, and no more than a burst after a pause', () => {
    const tokens = bucket()
    expect(tokens.take(100, 0)).toBe(5)
    expect(tokens.take(100, 0)).toBe(0)
    expect(tokens.waitMs(0)).toBe(100)
    expect(tokens.waitMs(60)).toBe(40)
    expect(tokens.take(100, 300)).toBe(3)
    expect(tokens.take(100, 60_000)).toBe(5)
  })

  it('takes no more than is wanted', () => {
    const tokens = bucket()
    expect(tokens.take(2, 0)).toBe(2)
    expect(tokens.take(100, 0)).toBe(3)
  })

  it('lets what is urgent draw on what is to come, and others wait until that is made up for', () => {
    const tokens = bucket()
    expect(tokens.take(100, 0, { urgent: true })).toBe(25)
    expect(tokens.waitMs(0, { urgent: true })).toBe(100)
    expect(tokens.take(1, 2000)).toBe(0)
    expect(tokens.waitMs(2000)).toBe(100)
    expect(tokens.take(100, 2100)).toBe(1)
  })

  it('gives nothing for a clock that goes back', () => {
    const tokens = bucket()
    tokens.take(5, 1000)
    expect(tokens.take(1, 0)).toBe(0)
    expect(tokens.take(1, 1100)).toBe(1)
  })
})
