import { beforeAll, describe, expect, it } from 'vitest'
import { issuingSlot, longestUnconfirmed, ringToSignBy } from '../../../src/authority/token/decide.ts'
import { HOUR, MINUTE } from '../../../src/time/duration.ts'
import type { KeySlot, SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { removeRetiredAt } from '../../../src/rotation/schedule.ts'
import { keyRotationSettings } from '../../../src/policy/signing-key.ts'
import { authorityRing, authoritySlot, retired } from '../../builders/authority-ring.ts'

const now = Date.parse('2026-06-01T00:00:00Z')
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

let first: KeySlot
let second: KeySlot
let before: SealedKeyRing
let after: SealedKeyRing
/** Both keys, as they are while one takes over from the other. */
let both: readonly PublicJwk[]

beforeAll(async () => {
  first = await authoritySlot({ activeAt: now - HOUR })
  second = await authoritySlot({ state: 'Published', activeAt: undefined as never })
  before = await authorityRing([first, second])
  after = await authorityRing([retired(first), { ...second, state: 'Active', activeAt: now }], { previous: before })
  both = [first.publicJwk, second.publicJwk]
})

describe('issuingSlot', () => {
  it('I4: is the active key and no other, once it is published', () => {
    expect(issuingSlot(before, both, now)?.keyID).toBe(first.keyID)
    expect(issuingSlot(after, both, now)?.keyID).toBe(second.keyID)
    expect(issuingSlot(after, [first.publicJwk], now)).toBeUndefined()
    expect(issuingSlot(after, [], now)).toBeUndefined()
  })

  it('I4: signs no earlier than the ring says, but for the minute that clocks may differ', async () => {
    const at = async (activeAt: number) => {
      const ring = await authorityRing([{ ...first, activeAt }])
      return issuingSlot(ring, both, now)?.keyID
    }
    expect(await at(now + MINUTE)).toBe(first.keyID)
    expect(await at(now + MINUTE + 1)).toBeUndefined()
  })

  it('I8: is none where the kid is published for one subject, or with another key', async () => {
    expect(issuingSlot(before, [{ ...first.publicJwk, sub: subject }], now)).toBeUndefined()
    const other = await authoritySlot()
    expect(issuingSlot(before, [{ ...other.publicJwk, kid: first.keyID }], now)).toBeUndefined()
    expect(issuingSlot(before, [first.publicJwk, { ...first.publicJwk, sub: subject }], now)).toBeUndefined()
  })

  it('is none in a ring whose only key was revoked', async () => {
    const ring = await authorityRing([second, { ...retired(first), state: 'Revoked' }])
    expect(issuingSlot(ring, both, now)).toBeUndefined()
  })
})

describe('ringToSignBy', () => {
  it('follows the ring as it is rotated', () => {
    expect(ringToSignBy({ seen: before, lastGood: undefined, published: both, now })).toBe(before)
    expect(ringToSignBy({ seen: after, lastGood: before, published: both, now })).toBe(after)
  })

  it('I1: keeps the last good ring where there is none that can be read', () => {
    expect(ringToSignBy({ seen: undefined, lastGood: before, published: both, now })).toBe(before)
  })

  it('I4: waits with a ring until its active key is published', () => {
    const published = [first.publicJwk]
    expect(ringToSignBy({ seen: after, lastGood: before, published, now })).toBe(before)
    expect(ringToSignBy({ seen: after, lastGood: undefined, published, now })).toBeUndefined()
  })

  it('I4: takes no ring of another hand, whose key nobody has published', async () => {
    const foreign = await authorityRing([retired(first), await authoritySlot()])
    const late = { ...foreign, seal: { ...foreign.seal, sequence: 99 } }
    expect(ringToSignBy({ seen: late, lastGood: before, published: both, now })).toBe(before)
    expect(ringToSignBy({ seen: late, lastGood: undefined, published: both, now })).toBeUndefined()
  })

  it("I8: takes no identity's ring, and none of another uid, whatever is published", async () => {
    const bound = await authoritySlot({}, { subject })
    const rings = [
      await authorityRing([bound], { subject }),
      await authorityRing([first], { subject }),
      await authorityRing([first], { uid: 'uid-1' }),
    ]
    for (const seen of rings) {
      const published = [...both, bound.publicJwk]
      expect(ringToSignBy({ seen, lastGood: undefined, published, now })).toBeUndefined()
    }
  })

  it('I4: goes back to no older ring that was put there again', () => {
    expect(ringToSignBy({ seen: before, lastGood: after, published: both, now })).toBe(after)
  })

  it('drops the last good ring once its key is revoked, before the next key is served', async () => {
    const next = await authoritySlot()
    const slots = [{ ...retired(first), state: 'Revoked' as const }, next]
    const revoked = await authorityRing(slots, { previous: before })
    expect(ringToSignBy({ seen: revoked, lastGood: before, published: both, now })).toBeUndefined()
    const published = [next.publicJwk]
    expect(ringToSignBy({ seen: revoked, lastGood: undefined, published, now })).toBe(revoked)
    // Who has no key of the ring revokes none.
    const foreign = await authorityRing(slots)
    const late = { ...foreign, seal: { ...foreign.seal, sequence: 99 } }
    expect(ringToSignBy({ seen: late, lastGood: before, published: both, now })).toBe(before)
    const older = { ...revoked, seal: { ...revoked.seal, sequence: before.seal.sequence } }
    expect(ringToSignBy({ seen: older, lastGood: before, published: both, now })).toBe(before)
  })

  it('takes a fresh ring, whose writes are counted anew, when the keys of the last good one are given up', async () => {
    const fresh = await authorityRing([await authoritySlot()])
    expect(fresh.seal.sequence).toBeLessThan(after.seal.sequence)
    const published = fresh.slots.map(({ publicJwk }) => publicJwk)
    expect(ringToSignBy({ seen: fresh, lastGood: after, published, now })).toBe(fresh)
  })
})

it('I1: a key that was retired right after the ring was last confirmed is published until its last token has expired', () => {
  const settings = keyRotationSettings({ rotationPeriod: 24 * HOUR, publishAhead: HOUR }, undefined)
  const lastToken = now + longestUnconfirmed + HOUR
  // Clocks may differ by a minute each way.
  expect(removeRetiredAt(now, HOUR, settings)).toBeGreaterThan(lastToken + 2 * MINUTE)
})
