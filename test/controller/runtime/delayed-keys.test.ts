import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DelayedKeys } from '../../../src/controller/runtime/delayed-keys.ts'

describe('DelayedKeys', () => {
  it('gives back every key once, at its earliest time, in order', () => {
    const entries = fc.array(
      fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'), fc.integer({ min: 0, max: 50 })),
    )
    fc.assert(
      fc.property(entries, (added) => {
        const keys = new DelayedKeys()
        const earliest = new Map<string, number>()
        for (const [key, at] of added) {
          keys.set(key, at)
          earliest.set(key, Math.min(at, earliest.get(key) ?? Number.POSITIVE_INFINITY))
        }
        expect(keys.size).toBe(earliest.size)
        const times: number[] = []
        for (let now = 0; now <= 50; now++) {
          for (const key of keys.takeDue(now)) {
            expect(earliest.get(key)).toBe(now)
            times.push(now)
          }
        }
        expect(times).toHaveLength(earliest.size)
        expect(keys.next).toBeUndefined()
        expect(keys.size).toBe(0)
      }),
    )
  })

  it('takes a key again after it was taken out, even for an earlier time', () => {
    const keys = new DelayedKeys()
    keys.set('a', 5)
    expect(keys.takeDue(5)).toEqual(['a'])
    keys.set('a', 3)
    expect(keys.next).toBe(3)
  })
})
