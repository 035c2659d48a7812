import { describe, expect, it } from 'vitest'
import { KeyBackoff } from '../../../src/controller/runtime/backoff.ts'

describe('KeyBackoff', () => {
  it('doubles for each key by itself, up to its limit, and never overflows', () => {
    const backoff = new KeyBackoff({ baseMs: 10, maxMs: 1_000 })
    expect([1, 2, 3].map(() => backoff.next('a'))).toEqual([10, 20, 40])
    expect(backoff.next('b')).toBe(10)
    for (let failure = 0; failure < 2_000; failure++) backoff.next('a')
    expect(backoff.next('a')).toBe(1_000)
  })

  it('I7: never waits longer than 30 seconds by default', () => {
    const backoff = new KeyBackoff()
    for (let failure = 0; failure < 100; failure++) backoff.next('a')
    expect(backoff.next('a')).toBe(30_000)
  })

  it('forgets', () => {
    const backoff = new KeyBackoff()
    backoff.next('a')
    expect(backoff.failures('a')).toBe(1)
    backoff.forget('a')
    expect(backoff.failures('a')).toBe(0)
    expect(backoff.next('a')).toBe(5)
  })
})
