import fc from 'fast-check'
import { expect, it } from 'vitest'
import { drainEndMs, maxAgeMs } from '../../src/server/connection-draining.ts'

const graceMs = 15_000

it('tells no connection to end before the endpoints are known to be without the server, and all in good time', () => {
  fc.assert(
    fc.property(fc.nat(), (connection) => {
      const at = drainEndMs(connection, graceMs)
      expect(at).toBeGreaterThanOrEqual(1500)
      expect(at).toBeLessThan(9000)
    }),
  )
})

it('spreads connections evenly, however many there are and whichever are left', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.integer({ min: 8, max: 500 }), (oldest, count) => {
      const early = Array.from({ length: count }, (_, index) => drainEndMs(oldest + index, graceMs)).filter(
        (at) => at < 5250,
      )
      // Half of the time has passed.
      expect(Math.abs(early.length / count - 0.5)).toBeLessThan(0.2)
    }),
  )
})

it('lets connections that came together grow old at different times', () => {
  const ages = Array.from({ length: 100 }, (_, connection) => maxAgeMs(connection, 300_000)).sort((a, b) => a - b)
  expect(ages[0]).toBeGreaterThanOrEqual(240_000)
  expect(ages.at(-1)).toBeLessThan(360_000)
  const gaps = ages.slice(1).map((age, index) => age - (ages[index] ?? 0))
  expect(Math.max(...gaps)).toBeLessThan(4000)
})
