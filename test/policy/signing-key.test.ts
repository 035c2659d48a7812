import { beforeAll, describe, expect, it } from 'vitest'
import { HOUR, SECOND } from '../../src/time/duration.ts'
import { type KeyRing, type KeySlot, publicKeys } from '../../src/keys/key-ring/key-ring.ts'
import { decideRing, ringNextChangeAt, signingSlot, withNewKey } from '../../src/policy/signing-key.ts'
import { keyRing, keySlot, wantedKeys } from '../builders/keys.ts'

const start = 1_800_000_000_000
let active: KeySlot
let next: KeySlot
let third: KeySlot

beforeAll(async () => {
  active = await keySlot({ state: 'Active', publishedAt: start, activeAt: start, urgent: true })
  next = await keySlot()
  third = await keySlot()
})

const decide = (ring: KeyRing, now: number, wanted = wantedKeys(), published = publicKeys(ring)) =>
  decideRing({ ring, wanted, published, now })

describe('the keys of an identity', () => {
  it('ask for a first key, which signs at once and is flagged', () => {
    const empty = keyRing([])
    expect(decide(empty, start)).toMatchObject({ successor: 'FirstKey', unchanged: false })
    expect(withNewKey(empty, next, wantedKeys(), start).slots).toMatchObject([
      { state: 'Active', activeAt: start, publishedAt: start, urgent: true },
    ])
  })

  it('stay as they are while nothing is due', () => {
    expect(decide(keyRing([active]), start + HOUR)).toMatchObject({ unchanged: true, changes: [] })
  })

  it('get a successor in time to be published ahead, which does not sign yet', () => {
    const step = decide(keyRing([active]), start + 23 * HOUR)
    expect(step.successor).toBe('RotationDue')
    expect(withNewKey(step.ring, next, wantedKeys(), start + 23 * HOUR).slots).toMatchObject([
      { state: 'Active' },
      { state: 'Published' },
    ])
  })

  it('I1, I4: sign publishAhead after the last copy without them could be fetched, also when a rotation is forced', () => {
    const forced = wantedKeys({ rotationRequest: 'please' })
    const step = decide(keyRing([active]), start + HOUR, forced)
    expect(step.successor).toBe('RotationRequested')
    const added = withNewKey(step.ring, next, forced, start + HOUR)
    const seen = decide(added, start + HOUR, forced)
    expect(seen.changes).toEqual([{ keyID: next.keyID, change: 'Published' }])
    // Replicas of the authority may take five seconds to serve what is stored.
    const allowed = start + HOUR + 5 * SECOND + HOUR
    expect(decide(seen.ring, allowed - 1, forced).unchanged).toBe(true)
    const rotated = decide(seen.ring, allowed, forced)
    expect(rotated.ring).toMatchObject({
      rotationRequest: 'please',
      slots: [{ state: 'Retired' }, { state: 'Active' }],
    })
    expect(decide(rotated.ring, start + 3 * HOUR, forced).unchanged).toBe(true)
  })

  it('honour a forced rotation once, and again for a new value', () => {
    const ring = keyRing([active], { rotationRequest: 'first' })
    expect(decide(ring, start + 1, wantedKeys({ rotationRequest: 'first' })).unchanged).toBe(true)
    expect(decide(ring, start + 1, wantedKeys({ rotationRequest: 'second' })).successor).toBe('RotationRequested')
  })

  it('change their algorithm through the same life cycle, dropping a successor of the old one', () => {
    const wanted = wantedKeys({ algorithm: 'EdDSA' })
    const step = decide(keyRing([active, next]), start + HOUR, wanted)
    expect(step.successor).toBe('AlgorithmChanged')
    expect(step.ring.slots.map(({ keyID }) => keyID)).toEqual([active.keyID])
  })

  it('I3: lose their private half when they retire', () => {
    const due = { ...next, publishedAt: start }
    const { ring } = decide(keyRing([active, due]), start + 24 * HOUR)
    expect(ring.slots[0]).toMatchObject({ keyID: active.keyID, state: 'Retired' })
    expect(ring.slots[0]).not.toHaveProperty('privateJwk')
  })

  it('I1: raise the record of their longest use before anything that lives longer is signed', () => {
    const step = decide(keyRing([active]), start, wantedKeys({ longestUse: 12 * HOUR }))
    expect(step).toMatchObject({ unchanged: false, ring: { slots: [{ longestUse: 12 * HOUR }] } })
  })

  it('I1: keep the record of a longer use, because tokens of that lifetime may still be valid', () => {
    const retired: KeySlot = {
      ...third,
      state: 'Retired',
      publishedAt: start - HOUR,
      retiredAt: start,
      longestUse: 24 * HOUR,
    }
    const successor = { ...next, publishedAt: start }
    const { ring } = decide(keyRing([retired, active, successor]), start + 1, wantedKeys({ longestUse: 12 * HOUR }))
    expect(ring.slots.map(({ longestUse }) => longestUse)).toEqual([24 * HOUR, 12 * HOUR, 12 * HOUR])
  })

  it('sign only once their public half is stored', () => {
    const ring = keyRing([active])
    expect(signingSlot({ ring, published: undefined })).toBeUndefined()
    expect(signingSlot({ ring, published: [next.publicJwk] })).toBeUndefined()
    expect(signingSlot({ ring, published: publicKeys(ring) })?.keyID).toBe(active.keyID)
  })

  it('I3, I4: are replaced at once when they are revoked: not published, without a private half, the fresh one flagged', () => {
    const wanted = wantedKeys({ revoked: new Set([active.keyID]) })
    const step = decide(keyRing([active, next]), start + HOUR, wanted)
    expect(step).toMatchObject({ successor: 'Revoked', unchanged: false, ring: { slots: [{ state: 'Revoked' }] } })
    expect(step.ring.slots[0]).not.toHaveProperty('privateJwk')
    const ring = withNewKey(step.ring, next, wanted, start + HOUR)
    expect(ring.slots[1]).toMatchObject({ state: 'Active', publishedAt: start + HOUR, urgent: true })
    expect(publicKeys(ring)).toEqual([next.publicJwk])
    expect(signingSlot({ ring, published: publicKeys(keyRing([active])) })).toBeUndefined()
    expect(signingSlot({ ring, published: publicKeys(ring) })?.keyID).toBe(next.keyID)
  })

  it('stay as they are when the revocation is seen again, and when it names none of them', () => {
    const wanted = wantedKeys({ revoked: new Set([active.keyID, 'unknown']) })
    const ring = withNewKey(decide(keyRing([active]), start, wanted).ring, next, wanted, start)
    expect(decide(ring, start + 1, wanted)).toMatchObject({ unchanged: true, changes: [] })
    expect(decide(keyRing([active]), start, wantedKeys({ revoked: new Set(['unknown']) })).unchanged).toBe(true)
  })

  it('honour a rotation that was asked for with the key that replaces a revoked one', () => {
    const wanted = wantedKeys({ revoked: new Set([active.keyID]), rotationRequest: 'leak' })
    const ring = withNewKey(decide(keyRing([active]), start, wanted).ring, next, wanted, start)
    expect(ring.rotationRequest).toBe('leak')
  })

  it('change next when the next step is due', () => {
    const ring = keyRing([active])
    const again = ringNextChangeAt({ ring, wanted: wantedKeys(), published: publicKeys(ring), now: start }) ?? 0
    expect(decide(ring, again - 1).unchanged).toBe(true)
    expect(decide(ring, again).successor).toBe('RotationDue')
  })
})
