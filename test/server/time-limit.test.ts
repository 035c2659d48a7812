import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TimeLimit } from '../../src/server/time-limit.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }))
afterEach(() => void vi.useRealTimers())

describe('a time limit', () => {
  it('tells once of each that is late, within a twentieth of the limit, the oldest first', () => {
    const limit = new TimeLimit(1000)
    const told: string[] = []
    limit.begin(() => void told.push('first'), performance.now())
    vi.advanceTimersByTime(500)
    limit.begin(() => void told.push('second'), performance.now())
    vi.advanceTimersByTime(499)
    expect(told).toEqual([])
    vi.advanceTimersByTime(51)
    expect(told).toEqual(['first'])
    vi.advanceTimersByTime(10_000)
    expect(told).toEqual(['first', 'second'])
  })

  it('tells nothing of what has ended, however many have', () => {
    const limit = new TimeLimit(1000)
    let told = 0
    const late = Array.from({ length: 100 }, () => () => void (told += 1))
    for (const one of late) limit.begin(one, performance.now())
    for (const one of late.slice(1)) limit.end(one)
    vi.advanceTimersByTime(5000)
    expect(told).toBe(1)
  })

  it('has no timer while nothing is under way, and one for all that is', () => {
    const limit = new TimeLimit(1000)
    expect(vi.getTimerCount()).toBe(0)
    const onLate = vi.fn()
    limit.begin(onLate, performance.now())
    limit.begin(vi.fn(), performance.now())
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(2000)
    expect([onLate.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
    limit.begin(onLate, performance.now())
    vi.advanceTimersByTime(2000)
    expect(onLate).toHaveBeenCalledTimes(2)
  })
})
