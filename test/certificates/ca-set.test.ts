import { describe, expect, it } from 'vitest'
import {
  type CaSet,
  caSetChangesAt,
  decideCaSet,
  decodeCaSet,
  encodeCaSet,
  signingCa,
  withNewCa,
} from '../../src/certificates/ca-set.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'

const lifetimes = { ca: 365 * DAY, leaf: 30 * DAY }
const start = Date.parse('2026-01-01T00:00:00Z')
const ca = (keyID: string, now = start) => ({
  keyID,
  certificatePem: `cert ${keyID}`,
  privateKeyPem: `key ${keyID}`,
  notBefore: now,
  notAfter: now + lifetimes.ca,
})

describe('the certificate authorities of a trust domain', () => {
  it('overlap for two lifetimes of a CA: trusted ahead, and until the last leaf has ended', () => {
    let set: CaSet = { slots: [] }
    let now = start
    let made = 0
    const signedUntil = new Map<string, number>()
    for (let step = 0; step < 40 && now < start + 730 * DAY; step += 1) {
      const decided = decideCaSet(set, lifetimes, now)
      set = decided.set
      if (decided.needsSuccessor) {
        made += 1
        set = withNewCa(set, ca(`a${made}`, now), lifetimes, now)
        continue
      }
      const signing = set.slots.find(({ state }) => state === 'Active')
      expect(signing?.privateKeyPem).toBeDefined()
      if (signing?.urgent !== true) {
        expect((signing?.activeAt ?? 0) - (signing?.publishedAt ?? 0)).toBeGreaterThanOrEqual(DAY)
      }
      signedUntil.set(signing?.keyID ?? '', now + lifetimes.leaf)
      for (const [keyID, until] of signedUntil) {
        if (now < until) expect(set.slots.map((slot) => slot.keyID)).toContain(keyID)
      }
      now = caSetChangesAt(set, lifetimes, now) ?? now + DAY
    }
    expect(made).toBeGreaterThanOrEqual(3)
  })

  it('lose their private key when they retire (I3)', () => {
    const old = withNewCa({ slots: [] }, ca('old'), lifetimes, start)
    const both = withNewCa(old, ca('new', start + 240 * DAY), lifetimes, start + 240 * DAY)
    const { set } = decideCaSet(both, lifetimes, start + 300 * DAY)
    expect(set.slots.map(({ keyID, state }) => [keyID, state])).toEqual([
      ['old', 'Retired'],
      ['new', 'Active'],
    ])
    expect(set.slots[0]).not.toHaveProperty('privateKeyPem')
    expect(signingCa(set)?.certificatePem).toBe('cert new')
  })

  it('are replaced at once after a stop that outlasted them, and where their clock was ahead', () => {
    const set = withNewCa({ slots: [] }, ca('old'), lifetimes, start)
    for (const now of [start + 366 * DAY, start - DAY]) {
      const decided = decideCaSet(set, lifetimes, now)
      expect(decided).toMatchObject({ set: { slots: [] }, needsSuccessor: true, unchanged: false })
      expect(signingCa(withNewCa(decided.set, ca('new', now), lifetimes, now))).toBeDefined()
    }
  })

  it('survive being stored, and are refused in any other form without showing what was there', () => {
    const set = withNewCa({ slots: [] }, ca('a'), lifetimes, start + HOUR)
    expect(decodeCaSet(encodeCaSet(set))).toEqual(set)
    for (const text of ['', 'secret', '[]', '{"version":2,"slots":[]}', '{"version":1,"slots":[{"keyID":"secret"}]}']) {
      expect(() => decodeCaSet(text)).toThrow(/^the stored CAs (are not JSON|have an unknown form)$/)
    }
  })
})
