import { beforeAll, describe, expect, it } from 'vitest'
import { judgeRing, type RingEvidence, type SeenRing } from '../../../src/controller/key-ring/decide.ts'
import { sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import type { KeySlot, SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { authorityOwner } from '../../../src/controller/key-ring/owner.ts'
import { keyRing, keySlot, subject } from '../../builders/keys.ts'

const owner = { namespace: 'shop', name: 'orders', uid: 'uid-1', subject }
const absent: SeenRing = { state: 'absent' }
const unusable: SeenRing = { state: 'unusable', message: 'key ring is not JSON' }
const whole = (ring: SealedKeyRing, version = '5'): SeenRing => ({ state: 'whole', ring, version })
const locked = (ring: SealedKeyRing): SeenRing => ({ state: 'locked', ring, message: 'key x is needed' })
const published = (...slots: KeySlot[]) => ({
  keys: slots.map(({ publicJwk }) => publicJwk),
  uid: 'uid-1',
  ringVersion: '4',
  version: '9',
})

let a: KeySlot
let b: KeySlot
let own: SealedKeyRing
let next: SealedKeyRing
let foreign: SealedKeyRing

beforeAll(async () => {
  a = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
  b = await keySlot({ state: 'Published', publishedAt: 1 })
  own = await sealKeyRing(keyRing([a, b]), undefined)
  next = await sealKeyRing(
    keyRing([
      { ...a, state: 'Retired' },
      { ...b, state: 'Active' },
    ]),
    own,
  )
  const theirs = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
  foreign = await sealKeyRing(keyRing([{ ...a, state: 'Retired' }, theirs]), { ...own, slots: [theirs] })
})

const verdict = (evidence: Partial<RingEvidence>) => {
  const defaults = { owner, seen: absent, lastGood: undefined, published: undefined, lossAccepted: false }
  const judged = judgeRing({ ...defaults, ...evidence })
  return 'violation' in judged ? `${judged.kind} ${judged.violation.reason}` : judged.kind
}

describe('with a last good ring in memory', () => {
  it.each<[string, () => SeenRing, string]>([
    ['none', () => absent, 'restore KeyRingLost'],
    ['one that cannot be read', () => unusable, 'restore KeyRingUnusable'],
    ['a foreign ring', () => whole(foreign), 'restore KeyRingReplaced'],
    ['one of another uid', () => whole({ ...next, uid: 'other' }), 'restore KeyRingReplaced'],
    ['one of another subject', () => whole({ ...next, subject: 'spiffe://x/ns/a/sa/b' }), 'restore KeyRingReplaced'],
    ['itself', () => whole(own), 'use'],
    ['one that another leader wrote', () => whole(next), 'use'],
    ['one that another leader wrote, locked', () => locked(next), 'block KeyEncryptionKeyUnknown'],
    ['a foreign ring, locked', () => locked(foreign), 'restore KeyRingReplaced'],
  ])('finds %s', (_title, seen, expected) => {
    expect(verdict({ seen: seen(), lastGood: own, published: published(a, b) })).toBe(expected)
  })

  it('I4: never goes back to an older ring', () => {
    expect(verdict({ seen: whole(own), lastGood: next, published: published(a, b) })).toBe('restore KeyRingReplaced')
  })

  it('believes what is published of a ring that has gone on for longer than it watched', async () => {
    const c = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
    const later = await sealKeyRing(keyRing([c]), { ...next, slots: [c] })
    // In doubt, nothing is undone.
    expect(verdict({ seen: whole(later), lastGood: own })).toBe('block KeyRingReplaced')
    expect(verdict({ lastGood: own })).toBe('restore KeyRingLost')
    expect(verdict({ seen: whole(later), lastGood: own, published: published(c) })).toBe('use')
  })

  it('believes the descendants of a key that it knows, when others have gone on without it', async () => {
    const c = await keySlot()
    const published = await sealKeyRing(keyRing([...next.slots, c]), next)
    const [, retired, active] = published.slots
    const rotated = keyRing([
      { ...retired!, state: 'Retired' },
      { ...active!, state: 'Active' },
    ])
    const sealedByC = await sealKeyRing(rotated, { ...published, slots: rotated.slots })
    const onlyC = await sealKeyRing(keyRing(sealedByC.slots.slice(1)), sealedByC)
    expect(sealedByC.seal.keyID).toBe(c.keyID)
    expect(verdict({ seen: whole(sealedByC), lastGood: own })).toBe('use')
    expect(verdict({ seen: whole(onlyC), lastGood: own })).toBe('use')
    const revoked = { ...own, slots: own.slots.map((slot) => ({ ...slot, state: 'Revoked' as const })) }
    expect(verdict({ seen: whole(onlyC), lastGood: revoked })).toBe('block KeyRingReplaced')
  })

  it('believes no key that was revoked, though it is still published', async () => {
    const lastGood = await sealKeyRing(
      keyRing([
        { ...a, state: 'Revoked' },
        { ...b, state: 'Active' },
      ]),
      own,
    )
    const theirs = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
    // Who has read the ring seals with the key that was revoked for it.
    const sealed = await sealKeyRing(keyRing([{ ...a, state: 'Retired' }, theirs]), { ...lastGood, slots: [a] })
    expect(sealed.seal.keyID).toBe(a.keyID)
    const evidence = { seen: whole(sealed), lastGood, published: published(a, b) }
    expect(verdict(evidence)).toBe('restore KeyRingReplaced')
  })
})

describe('after a restart', () => {
  it.each<[string, () => SeenRing, string]>([
    ['none', () => absent, 'block KeyRingLost'],
    ['one that cannot be read', () => unusable, 'block KeyRingUnusable'],
    ['a foreign ring', () => whole(foreign), 'block KeyRingReplaced'],
    ['one of another uid', () => whole({ ...own, uid: 'other' }), 'block KeyRingReplaced'],
    ['one of another subject', () => whole({ ...own, subject: 'spiffe://x/ns/a/sa/b' }), 'block KeyRingReplaced'],
    ['the published one', () => whole(own), 'use'],
    ['one sealed by a published key', () => whole(next), 'use'],
    ['the very version that was published, whatever is published', () => whole(foreign, '4'), 'use'],
    ['a locked one', () => locked(own), 'block KeyEncryptionKeyUnknown'],
    ['a foreign ring, locked', () => locked(foreign), 'block KeyRingReplaced'],
  ])('finds %s where keys are published', (_title, seen, expected) => {
    expect(verdict({ seen: seen(), published: published(a) })).toBe(expected)
    const accepted = { seen: seen(), published: published(a), lossAccepted: true }
    const fresh = seen().state === 'absent' ? 'create' : 'discard'
    expect(verdict(accepted)).toBe(expected === 'use' ? 'use' : fresh)
  })

  it('believes a ring whose active key is published, though its seal is of a key that was removed since', () => {
    expect(verdict({ seen: whole(next), published: published(b) })).toBe('use')
  })

  it('takes keys that cannot be read for keys that may be in use', () => {
    expect(verdict({ published: published() })).toBe('block KeyRingLost')
    expect(verdict({ seen: whole(own), published: published() })).toBe('use')
  })

  it.each<[string, () => SeenRing, string]>([
    ['none', () => absent, 'create'],
    ['one', () => whole(own), 'use'],
    ['one of an earlier identity', () => whole({ ...own, uid: 'uid-0' }), 'discard'],
    ['one of an earlier trust domain', () => whole({ ...own, subject: 'spiffe://x/ns/a/sa/b' }), 'discard'],
    ['one that cannot be read', () => unusable, 'block KeyRingUnusable'],
  ])('finds %s where nothing of this identity is published', (_title, seen, expected) => {
    expect(verdict({ seen: seen() })).toBe(expected)
    expect(verdict({ seen: seen(), published: { ...published(a), uid: 'uid-0' } })).toBe(expected)
    const elsewhere = { ...a, publicJwk: { ...a.publicJwk, sub: 'spiffe://old/ns/shop/sa/orders' } }
    expect(verdict({ seen: seen(), published: published(elsewhere) })).toBe(expected)
  })
})

it('says what to do, and shows no key', () => {
  const judged = judgeRing({ owner, seen: absent, lastGood: undefined, published: published(a), lossAccepted: false })
  expect(judged).toMatchObject({
    violation: {
      message:
        'The key ring was deleted: restore the Secret signet-keys.shop.orders from a backup, or get fresh keys: revoke a published one with a TokenRevocation, or delete and create the ServiceIdentity',
    },
  })
})

it('names the remedies that the owner of a blocked ring has', () => {
  const said = (evidence: Partial<RingEvidence>): string => {
    const defaults = { owner, seen: unusable, lastGood: undefined, published: undefined, lossAccepted: false }
    const judged = judgeRing({ ...defaults, ...evidence })
    return judged.kind === 'block' ? judged.violation.message : judged.kind
  }
  expect(said({ published: published(a) })).toContain(
    'with a TokenRevocation, or delete and create the ServiceIdentity',
  )
  const { sub: _bound, ...key } = a.publicJwk
  const ours = { ...published(), uid: authorityOwner.uid }
  expect(said({ owner: authorityOwner, published: { ...ours, keys: [key] } })).toContain(
    'name a published one in the annotation signet.dev/revoke-key of the ConfigMap signet-jwks.authority',
  )
  // Nothing that could be named.
  for (const nothing of [undefined, ours]) {
    expect(said({ owner: authorityOwner, published: nothing })).toContain(
      'restart signet-controller; if that does not help, delete the Secret signet-keys.authority and the ConfigMap',
    )
  }
})
