import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/time/duration.ts'
import {
  activeSlot,
  advance,
  type Circumstances,
  nextChangeAt,
  maxSlots,
  needsSuccessor,
  nextSlot,
  type Slot,
} from '../../src/rotation/slots.ts'

const start = 1_800_000_000_000
/** Around now, where the edges are, and as far off as only a wrong clock writes it. */
const time = fc.oneof(
  fc.integer({ min: -3 * HOUR, max: 3 * HOUR }).map((offset) => start + offset),
  fc.constantFrom(0, start - 10 * DAY, start - 365 * DAY, start + 365 * DAY),
)
const duration = fc.constantFrom(30 * SECOND, MINUTE, 20 * MINUTE, HOUR, DAY)
/** Any state that a ring may be found in: one active slot at most, as `decodeKeyRing` has checked, and one successor. */
const slots = fc
  .array(
    fc.record<Slot>(
      {
        keyID: fc.string(),
        state: fc.constantFrom('Published', 'Active', 'Retired', 'Revoked'),
        longestUse: duration,
        publishedAt: time,
        publishAhead: duration,
        activeAt: time,
        retiredAt: time,
        removeAt: time,
        urgent: fc.constant(true),
      },
      { requiredKeys: ['keyID', 'state', 'longestUse'] },
    ),
    { maxLength: 6 },
  )
  .map((list) =>
    list
      .filter(
        ({ state }, index) =>
          ['Retired', 'Revoked'].includes(state) || list.findIndex((slot) => slot.state === state) === index,
      )
      .map((slot, index): Slot => ({ ...slot, keyID: `k${index}` })),
  )
const circumstances: fc.Arbitrary<Circumstances> = fc
  .record({
    rotationPeriod: duration,
    publishAhead: duration,
    hidden: fc.subarray([0, 1, 2, 3, 4, 5]),
    hurry: fc.boolean(),
  })
  .map(({ rotationPeriod, publishAhead, hidden, hurry }) => ({
    now: start,
    settings: { rotationPeriod, publishAhead, retention: HOUR, seed: 'shop/orders' },
    visible: ({ keyID }) => !hidden.some((index) => keyID === `k${index}`),
    hurry,
  }))
const keep = (slot: Slot): Slot => slot
const every = (check: (found: readonly Slot[], about: Circumstances) => void): void =>
  fc.assert(fc.property(slots, circumstances, check), { numRuns: 2000 })

describe('any observed state, by any clock', () => {
  it('is advanced to where the same moment changes nothing more', () => {
    every((found, about) => {
      const { slots: once } = advance(found, about, keep)
      const again = advance(once, about, keep)
      expect(again.changes).toEqual([])
      expect(again.slots).toEqual(once)
    })
  })

  it('I4: has one active slot at most, and takes none into use that was not published ahead, but flagged', () => {
    every((found, about) => {
      const { slots: next, changes } = advance(found, about, keep)
      expect(next.filter(({ state }) => state === 'Active').length).toBeLessThanOrEqual(1)
      for (const { keyID } of changes.filter(({ change }) => change === 'Activated')) {
        const before = found.find((slot) => slot.keyID === keyID)
        const after = next.find((slot) => slot.keyID === keyID)
        expect(before !== undefined && about.visible(before)).toBe(true)
        const published = about.now - (before?.publishedAt ?? about.now)
        if (published < about.settings.publishAhead) expect(after?.urgent).toBe(true)
      }
    })
  })

  it('I1: loses no slot but one that is retired or revoked and whose time has come', () => {
    every((found, about) => {
      const { slots: next, changes } = advance(found, about, keep)
      const gone = found.filter(({ keyID }) => !next.some((slot) => slot.keyID === keyID))
      expect(changes.filter(({ change }) => change === 'Removed').map(({ keyID }) => keyID)).toEqual(
        gone.map(({ keyID }) => keyID),
      )
      for (const slot of gone) {
        expect(['Retired', 'Revoked']).toContain(slot.state)
        const { longestUse, removeAt = (slot.retiredAt ?? about.now) + longestUse + HOUR } = slot
        expect(about.now).toBeGreaterThanOrEqual(removeAt)
      }
    })
  })

  it('I7: changes next later than now, and when something will be due', () => {
    every((found, about) => {
      const { slots: next } = advance(found, about, keep)
      if (next.some(({ state }) => state === 'Revoked') || needsSuccessor(next, about)) return
      const again = nextChangeAt(next, about)
      const successor = nextSlot(next)
      // Nothing is left to time alone where a public half has to be stored first, or where there are too many slots.
      const waiting = successor === undefined ? next.length >= maxSlots : successor.publishedAt === undefined
      if (again === undefined) {
        expect(waiting).toBe(true)
        return
      }
      expect(again).toBeGreaterThan(about.now)
      const later = { ...about, now: again }
      if (successor !== undefined && !about.visible(successor)) return
      const changes = advance(next, later, keep).changes.length
      expect(changes > 0 || needsSuccessor(next, later)).toBe(true)
      expect(activeSlot(next)).toBeDefined()
    })
  })
})
