import fc from 'fast-check'
import { expect, it } from 'vitest'
import { departureMs } from '../../src/server/departures.ts'

const graceMs = 15_000

it('tells no connection to end before the endpoints are known to be without the server, and all in good time', () => {
  fc.assert(
    fc.property(fc.nat(), (connection) => {
      const at = departureMs(connection, graceMs)
      expect(at).toBeGreaterThanOrEqual(1500)
      expect(at).toBeLessThan(9000)
    }),
  )
})

it('spreads connections evenly, however many there are and whichever are left', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.integer({ min: 8, max: 500 }), (oldest, count) => {
      const early = Array.from({ length: count }, (_, index) => departureMs(oldest + index, graceMs)).filter(
        (at) => at < 5250,
      )
      // Half of the time has passed.
      expect(Math.abs(early.length / count - 0.5)).toBeLessThan(0.2)
    }),
  )
})
