import { describe, expect, it } from 'vitest'
import {
  type AuthoritySet,
  authoritiesLookAgainAt,
  decideAuthorities,
  decodeAuthoritySet,
  encodeAuthoritySet,
  signingAuthority,
  withNewAuthority,
} from '../../src/certificates/ca-set.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'

const lifetimes = { authority: 365 * DAY, leaf: 30 * DAY }
const start = Date.parse('2026-01-01T00:00:00Z')
const authority = (keyID: string, now = start) => ({
  keyID,
  certificatePem: `cert ${keyID}`,
  privateKeyPem: `key ${keyID}`,
  notBefore: now,
  notAfter: now + lifetimes.authority,
})

describe('the certificate authorities of a trust domain', () => {
  it('overlap for two lifetimes of an authority: trusted ahead, and until the last leaf has ended', () => {
    let set: AuthoritySet = { slots: [] }
    let now = start
    let made = 0
    const signedUntil = new Map<string, number>()
    for (let step = 0; step < 40 && now < start + 730 * DAY; step += 1) {
      const decided = decideAuthorities(set, lifetimes, now)
      set = decided.set
      if (decided.needsSuccessor) {
        made += 1
        set = withNewAuthority(set, authority(`a${made}`, now), lifetimes, now)
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
      now = authoritiesLookAgainAt(set, lifetimes, now) ?? now + DAY
    }
    expect(made).toBeGreaterThanOrEqual(3)
  })

  it('lose their private key when they retire (I3)', () => {
    const old = withNewAuthority({ slots: [] }, authority('old'), lifetimes, start)
    const both = withNewAuthority(old, authority('new', start + 240 * DAY), lifetimes, start + 240 * DAY)
    const { set } = decideAuthorities(both, lifetimes, start + 300 * DAY)
    expect(set.slots.map(({ keyID, state }) => [keyID, state])).toEqual([
      ['old', 'Retired'],
      ['new', 'Active'],
    ])
    expect(set.slots[0]).not.toHaveProperty('privateKeyPem')
    expect(signingAuthority(set)?.certificatePem).toBe('cert new')
  })

  it('are replaced at once after a stop that outlasted them, and where their clock was ahead', () => {
    const set = withNewAuthority({ slots: [] }, authority('old'), lifetimes, start)
    for (const now of [start + 366 * DAY, start - DAY]) {
      const decided = decideAuthorities(set, lifetimes, now)
      expect(decided).toMatchObject({ set: { slots: [] }, needsSuccessor: true, unchanged: false })
      expect(signingAuthority(withNewAuthority(decided.set, authority('new', now), lifetimes, now))).toBeDefined()
    }
  })

  it('survive being stored, and are refused in any other form without showing what was there', () => {
    const set = withNewAuthority({ slots: [] }, authority('a'), lifetimes, start + HOUR)
    expect(decodeAuthoritySet(encodeAuthoritySet(set))).toEqual(set)
    for (const text of ['', 'secret', '[]', '{"version":2,"slots":[]}', '{"version":1,"slots":[{"keyID":"secret"}]}']) {
      expect(() => decodeAuthoritySet(text)).toThrow(/^certificate authorities (are not JSON|have an unknown form)$/)
    }
  })
})
