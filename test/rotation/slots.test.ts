import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, SECOND } from '../../src/time/duration.ts'
import { jitter } from '../../src/rotation/jitter.ts'
import type { RotationSettings } from '../../src/rotation/schedule.ts'
import {
  activeSlot,
  advance,
  nextChangeAt,
  maxSlots,
  needsSuccessor,
  nextSlot,
  revoke,
  type Slot,
} from '../../src/rotation/slots.ts'

const settings: RotationSettings = {
  rotationPeriod: 24 * HOUR,
  publishAhead: HOUR,
  retention: HOUR,
  seed: 'shop/orders',
}
const start = 1_800_000_000_000
const active: Slot = { keyID: 'a', state: 'Active', publishedAt: start, activeAt: start, longestUse: HOUR }
const published: Slot = { keyID: 'b', state: 'Published', longestUse: HOUR }
const keep = (slot: Slot) => slot
const at = (now: number, more: Partial<Parameters<typeof advance>[1]> = {}) => ({
  now,
  settings,
  visible: () => true,
  hurry: false,
  ...more,
})

describe('a slot life cycle', () => {
  it('records a publication only once the public half is stored', () => {
    const hidden = advance([active, published], at(start, { visible: () => false }), keep)
    expect(hidden.changes).toEqual([])
    const seen = advance([active, published], at(start + 5), keep)
    expect(seen.slots[1]).toMatchObject({ publishedAt: start + 5 })
    expect(seen.changes).toEqual([{ keyID: 'b', change: 'Published' }])
  })

  it('I4: activates a successor at publishAhead after its publication and not a millisecond before', () => {
    const next = { ...published, publishedAt: start + 23 * HOUR }
    const due = start + 24 * HOUR
    expect(advance([active, next], at(due - 1), keep).changes).toEqual([])
    expect(advance([active, next], at(due), keep).changes).toEqual([
      { keyID: 'a', change: 'Retired' },
      { keyID: 'b', change: 'Activated' },
    ])
  })

  it('I4: counts anew from when a successor is visible again, had its public half been lost meanwhile', () => {
    const next = { ...published, publishedAt: start + 22 * HOUR }
    const lost = advance([active, next], at(start + 22.5 * HOUR, { visible: () => false }), keep)
    expect(lost.slots[1]).toEqual(published)
    const back = advance(lost.slots, at(start + 24 * HOUR), keep)
    expect(back.changes).toEqual([{ keyID: 'b', change: 'Published' }])
    expect(back.slots[1]).toMatchObject({ state: 'Published', publishedAt: start + 24 * HOUR })
  })

  it('I4: keeps to the publishAhead of the publication where it is lowered, and to the new one where it is raised', () => {
    const recorded = advance([active, published], at(start, { hurry: true }), keep).slots
    expect(recorded[1]).toMatchObject({ publishedAt: start, publishAhead: HOUR })
    const lowered = { settings: { ...settings, publishAhead: MINUTE }, hurry: true }
    expect(advance(recorded, at(start + HOUR - 1, lowered), keep).changes).toEqual([])
    expect(advance(recorded, at(start + HOUR, lowered), keep).slots[1]?.state).toBe('Active')
    expect(nextChangeAt(recorded, at(start, lowered))).toBe(start + HOUR)
    const raised = { settings: { ...settings, publishAhead: 2 * HOUR }, hurry: true }
    expect(advance(recorded, at(start + 2 * HOUR - 1, raised), keep).changes).toEqual([])
    expect(advance(recorded, at(start + 2 * HOUR, raised), keep).slots[1]?.state).toBe('Active')
  })

  it('waits for the period to end although the successor has been published long enough', () => {
    const next = { ...published, publishedAt: start }
    expect(advance([active, next], at(start + 20 * HOUR), keep).changes).toEqual([])
    expect(advance([active, next], at(start + 20 * HOUR, { hurry: true }), keep).slots).toMatchObject([
      { state: 'Retired' },
      { state: 'Active' },
    ])
  })

  it('never activates what verifiers cannot see, however late it is', () => {
    const next = { ...published, publishedAt: start }
    const blind = at(start + 99 * HOUR, { hurry: true, visible: () => false })
    expect(advance([active, next], blind, keep).changes).toEqual([])
  })

  it('I1: keeps a retired slot until the last thing it signed has ended, and the retention more', () => {
    const next = { ...published, publishedAt: start }
    const now = start + 24 * HOUR
    const { slots } = advance([{ ...active, longestUse: 2 * HOUR }, next], at(now), keep)
    expect(slots[0]).toMatchObject({ state: 'Retired', retiredAt: now, removeAt: now + 3 * HOUR })
    expect(advance(slots, at(now + 3 * HOUR - 1), keep).slots).toHaveLength(2)
    expect(advance(slots, at(now + 3 * HOUR), keep).changes).toEqual([{ keyID: 'a', change: 'Removed' }])
  })

  it('asks for a first slot, then for a successor in time to publish it ahead', () => {
    expect(needsSuccessor([], at(start))).toBe(true)
    expect(needsSuccessor([active], at(start + HOUR))).toBe(false)
    expect(needsSuccessor([active], at(start + 23 * HOUR))).toBe(true)
    expect(needsSuccessor([active, published], at(start + 23 * HOUR))).toBe(false)
    expect(needsSuccessor([active], at(start, { hurry: true }))).toBe(true)
  })

  it('looks again exactly when something changes by time alone', () => {
    const moment = nextChangeAt([active], at(start)) ?? 0
    expect(needsSuccessor([active], at(moment - 1))).toBe(false)
    expect(needsSuccessor([active], at(moment))).toBe(true)
    expect(nextChangeAt([active, published], at(start))).toBeUndefined()
  })

  it('I4, I1: holds for every period and lead, reconciled no more often than nextChangeAt says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 60, max: 86_400 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.integer({ min: 300, max: 86_400 }),
        fc.string(),
        (period, share, use, seed) => {
          const own = {
            rotationPeriod: period * SECOND,
            publishAhead: Math.max(1, Math.floor(period * share)) * SECOND,
            retention: HOUR,
            seed,
          }
          let now = start
          let slots: readonly Slot[] = [{ ...active, longestUse: use * SECOND }]
          const removed: Slot[] = []
          for (let step = 0; step < 60; step += 1) {
            const circumstances = { now, settings: own, visible: () => true, hurry: false }
            const before = slots
            const next = advance(slots, circumstances, keep)
            slots = next.slots
            for (const { keyID, change } of next.changes) {
              const slot = before.find((other) => other.keyID === keyID)
              if (change === 'Activated')
                expect(now - (slot?.publishedAt ?? now)).toBeGreaterThanOrEqual(own.publishAhead)
              if (change === 'Removed' && slot !== undefined) removed.push(slot)
            }
            expect(slots.filter(({ state }) => state === 'Active')).toHaveLength(1)
            if (needsSuccessor(slots, circumstances)) {
              slots = [...slots, { keyID: `k${step}`, state: 'Published', longestUse: use * SECOND }]
              continue
            }
            const again = nextChangeAt(slots, circumstances)
            expect(again).toBeDefined()
            expect(again).toBeGreaterThan(now)
            now = again ?? now + MINUTE
          }
          for (const slot of removed) {
            expect(slot.removeAt).toBe((slot.retiredAt ?? 0) + slot.longestUse + own.retention)
          }
          expect(activeSlot(slots)?.keyID).not.toBe('a')
        },
      ),
      { numRuns: 200 },
    )
  })

  it('keeps no more slots than a limit, and looks again when one may go instead of spinning', () => {
    const retired = Array.from({ length: maxSlots - 1 }, (_, index): Slot => ({
      keyID: `r${index}`,
      state: 'Retired',
      longestUse: HOUR,
      removeAt: start + 30 * HOUR + index,
    }))
    const full = [...retired, active]
    const now = start + 24 * HOUR
    expect(needsSuccessor(full, at(now))).toBe(false)
    expect(nextChangeAt(full, at(now))).toBe(start + 30 * HOUR)
    const { slots } = advance(full, at(start + 30 * HOUR), keep)
    expect(needsSuccessor(slots, at(start + 30 * HOUR))).toBe(true)
  })

  it('counts a time that a wrong clock put into the future from this moment, and still publishes ahead', () => {
    const ahead = start + 8760 * HOUR
    const { slots } = advance([active, { ...published, publishedAt: ahead }], at(start, { hurry: true }), keep)
    expect(slots[1]).toMatchObject({ state: 'Published', publishedAt: start })
    expect(advance(slots, at(start + HOUR, { hurry: true }), keep).slots[1]?.state).toBe('Active')
    expect(advance([{ ...active, activeAt: ahead }], at(start), keep).slots[0]?.activeAt).toBe(start)
  })

  it('finds the slots by their state', () => {
    expect(nextSlot([active, published])?.keyID).toBe('b')
    expect(activeSlot([published])).toBeUndefined()
  })
})

describe('revoking a slot', () => {
  const drop = (slot: Slot): Slot => ({ ...slot, urgent: true })
  const named = (...keyIDs: string[]) => new Set(keyIDs)

  it('drops its successor with it, and asks for a fresh one at once', () => {
    const { slots, changes } = revoke([active, published], named('a'), at(start + HOUR), drop)
    expect(changes).toEqual([
      { keyID: 'a', change: 'Revoked' },
      { keyID: 'b', change: 'Removed' },
    ])
    expect(slots).toEqual([
      {
        ...active,
        state: 'Revoked',
        retiredAt: start + HOUR,
        removeAt: start + 3 * HOUR,
        urgent: true,
      },
    ])
    expect(activeSlot(slots)).toBeUndefined()
    expect(needsSuccessor(slots, at(start + HOUR))).toBe(true)
  })

  it('changes nothing when it is revoked once more, or unknown', () => {
    const { slots } = revoke([active], named('a'), at(start), drop)
    const again = revoke(slots, named('a', 'other'), at(start + HOUR), drop)
    expect(again.slots).toBe(slots)
    expect(again.changes).toEqual([])
  })

  it('keeps a successor that was made after it', () => {
    const { slots } = revoke([active], named('a'), at(start), drop)
    const later = [...slots, { ...active, keyID: 'c' }, { ...published, keyID: 'd' }]
    expect(revoke(later, named('a'), at(start + HOUR), drop).slots).toBe(later)
  })

  it('leaves the active slot in place where a retired or a published one is named', () => {
    const retired: Slot = { ...active, keyID: 'r', state: 'Retired', retiredAt: start - HOUR, removeAt: start + HOUR }
    expect(revoke([retired, active], named('r'), at(start), drop).slots).toMatchObject([
      { keyID: 'r', state: 'Revoked', retiredAt: start - HOUR, removeAt: start + 2 * HOUR },
      { keyID: 'a', state: 'Active' },
    ])
    const { slots, changes } = revoke([active, published], named('b'), at(start), drop)
    expect(slots.map(({ state }) => state)).toEqual(['Active', 'Revoked'])
    expect(changes).toEqual([{ keyID: 'b', change: 'Revoked' }])
  })

  it('remembers it until the last thing it signed has ended, and the retention more', () => {
    const { slots } = revoke([{ ...active, longestUse: 2 * HOUR }], named('a'), at(start), drop)
    expect(nextChangeAt(slots, at(start))).toBe(start + 3 * HOUR)
    expect(advance(slots, at(start + 3 * HOUR - 1), keep).slots).toHaveLength(1)
    expect(advance(slots, at(start + 3 * HOUR), keep).changes).toEqual([{ keyID: 'a', change: 'Removed' }])
  })

  it('is never activated, published or retired again', () => {
    const { slots } = revoke([active], named('a'), at(start), drop)
    for (const now of [start, start + HOUR]) {
      const circumstances = at(now, { hurry: true })
      expect(advance(slots, circumstances, keep)).toEqual({ slots, changes: [] })
    }
  })

  it('forgets the oldest revoked ones at the limit, so that a ring that is revoked without end stays readable', () => {
    let slots: readonly Slot[] = [active]
    for (let round = 0; round < 2 * maxSlots; round += 1) {
      const { keyID } = activeSlot(slots) ?? active
      slots = revoke(slots, named(keyID), at(start + round), drop).slots
      expect(slots.at(-1)).toMatchObject({ keyID, state: 'Revoked' })
      slots = [...slots, { ...active, keyID: `fresh-${round}` }]
      expect(slots.length).toBeLessThanOrEqual(maxSlots + 1)
    }
  })

  it('I1: never forgets a retired one for it', () => {
    const retired = Array.from({ length: maxSlots }, (_, index): Slot => ({
      keyID: `r${index}`,
      state: 'Retired',
      longestUse: HOUR,
      removeAt: start + HOUR,
    }))
    const { slots } = revoke([...retired, active], named('a'), at(start), drop)
    expect(slots.filter(({ state }) => state === 'Retired')).toHaveLength(maxSlots)
  })
})

describe('jitter', () => {
  it('is a stable fraction, spread evenly over many identities', () => {
    expect(jitter('shop/orders')).toBe(jitter('shop/orders'))
    const buckets = new Array<number>(10).fill(0)
    for (let index = 0; index < 10_000; index += 1) {
      const fraction = jitter(`namespace-${index % 7}/service-${index}`)
      expect(fraction >= 0 && fraction < 1).toBe(true)
      buckets[Math.floor(fraction * 10)] = (buckets[Math.floor(fraction * 10)] ?? 0) + 1
    }
    for (const count of buckets) expect(count).toBeGreaterThan(800)
  })
})
