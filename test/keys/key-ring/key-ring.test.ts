import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseKeyEncryptionKeys } from '../../../src/keys/key-ring/encryption.ts'
import { sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import { type KeyRing, type KeySlot, publicKeys, type SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import {
  decodeKeyRing,
  encodeKeyRing,
  isOutdatedEncryption,
  LockedKeyRingError,
} from '../../../src/keys/key-ring/codec.ts'
import { authorityRing, authoritySlot } from '../../builders/authority-ring.ts'
import { keyRing, keySlot } from '../../builders/keys.ts'

let active: KeySlot
let published: KeySlot

beforeAll(async () => {
  active = await keySlot({ state: 'Active', publishedAt: 1, activeAt: 1 })
  published = await keySlot()
})

const encryption = parseKeyEncryptionKeys(`kek-1:${randomBytes(32).toString('base64')}`)

const reason = (ring: unknown): string => {
  try {
    decodeKeyRing(typeof ring === 'string' ? ring : JSON.stringify(ring))
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}
const seal = { keyID: 'any', sequence: 1, signature: 'AAAA' }
const stored = (ring: KeyRing): Record<string, unknown> => ({ version: 1, seal, ...ring })

describe('a key ring', () => {
  it('survives being stored', async () => {
    const ring = await sealKeyRing(keyRing([active, published], { rotationRequest: 'now' }), undefined)
    expect(decodeKeyRing(encodeKeyRing(ring))).toEqual(ring)
  })

  it('publishes every key but revoked ones, and no private member (I3)', () => {
    const keys = publicKeys(keyRing([active, published, { ...published, keyID: 'x', state: 'Revoked' }]))
    expect(keys.map(({ kid }) => kid)).toEqual([active.keyID, published.keyID])
    expect(JSON.stringify(keys)).not.toContain('"d":')
  })

  it.each([
    ['not JSON', () => 'ring'],
    ['an unknown version', () => ({ ...stored(keyRing([active])), version: 2 })],
    ['no list', () => ({ ...stored(keyRing([])), slots: {} })],
    ['a key without a state', () => stored(keyRing([{ ...active, state: 'Sleeping' as never }]))],
    ['no seal', () => ({ ...stored(keyRing([active])), seal: undefined })],
    ['a seal without a signature', () => ({ ...stored(keyRing([active])), seal: { ...seal, signature: undefined } })],
    ['a seal without a key ID', () => ({ ...stored(keyRing([active])), seal: { ...seal, keyID: 7 } })],
    ['an endorsement without a signature', () => stored(keyRing([{ ...active, endorsedBy: { keyID: 'k' } as never }]))],
    ['130 keys', () => stored(keyRing(Array.from({ length: 130 }, () => active)))],
    ['an empty subject', () => stored(keyRing([active], { subject: '' }))],
    ['a subject that is none', () => ({ ...stored(keyRing([active])), subject: null })],
    ['a time that is none', () => stored(keyRing([{ ...active, activeAt: '2026' as never }]))],
    ['an algorithm that is none', () => stored(keyRing([{ ...active, algorithm: 'none' as never }]))],
  ])('refuses the form of a ring with %s', (_title, ring) => {
    expect(reason(ring())).toBe('ERR_KEY_RING_FORM')
  })

  it('may have 129 keys: the 128 that rotation keeps, and a new one', () => {
    expect(reason(stored(keyRing(Array.from({ length: 129 }, () => active))))).toBe('ERR_KEY_RING_INTEGRITY')
  })

  it.each([
    [
      'a key that another writer put under a known kid',
      () => keyRing([{ ...active, publicJwk: { ...published.publicJwk, kid: active.keyID } }]),
    ],
    ['halves that do not belong together', () => keyRing([withKeyOf(active, published)])],
    [
      'a key bound to another subject',
      () => keyRing([{ ...active, publicJwk: { ...active.publicJwk, sub: 'spiffe://x/ns/a/sa/b' } }]),
    ],
    ['another algorithm than the slot', () => keyRing([{ ...active, algorithm: 'ES384' }])],
    ['two active keys', () => keyRing([active, { ...published, state: 'Active' }])],
    ['one key twice', () => keyRing([active, { ...active, state: 'Retired' }])],
    ['an active key without its private half', () => keyRing([withKeyOf(active, undefined)])],
  ])('I3: refuses a ring with %s', (_title, ring) => {
    expect(reason(stored(ring()))).toBe('ERR_KEY_RING_INTEGRITY')
  })

  it.each([
    ['a key added', (ring) => ({ ...ring, slots: [...ring.slots, published] })],
    ['a state changed', (ring) => ({ ...ring, slots: [{ ...active, activeAt: 2 }] })],
    ['another uid', (ring) => ({ ...ring, uid: 'other' })],
    ['another honoured request', (ring) => ({ ...ring, rotationRequest: 'x' })],
    ['another sequence', (ring) => ({ ...ring, seal: { ...ring.seal, sequence: 9 } })],
    ['a seal of a key that is not in it', (ring) => ({ ...ring, seal: { ...ring.seal, keyID: published.keyID } })],
  ] satisfies [string, (ring: SealedKeyRing) => object][])(
    'I4: refuses a ring that was sealed before with %s',
    async (_title, change) => {
      const ring = await sealKeyRing(keyRing([active]), undefined)
      expect(reason({ version: 1, ...ring })).toBe('accepted')
      expect(reason({ version: 1, ...change(ring) })).toBe('ERR_KEY_RING_SEAL')
    },
  )

  it('I3: is stored with its private keys encrypted, and read with the key that did it', async () => {
    const ring = await sealKeyRing(keyRing([active, published]), undefined)
    const text = encodeKeyRing(ring, encryption)
    for (const slot of [active, published]) expect(text).not.toContain(slot.privateJwk?.d)
    expect(decodeKeyRing(text, { encryption })).toEqual(ring)
  })

  it('I3: is locked if its key-encryption key is not configured, and names that key; its private halves are left out', async () => {
    const ring = await sealKeyRing(keyRing([active]), undefined)
    const text = encodeKeyRing(ring, encryption)
    for (const others of [undefined, parseKeyEncryptionKeys(`other:${randomBytes(32).toString('base64')}`)]) {
      try {
        decodeKeyRing(text, { encryption: others })
        expect.unreachable()
      } catch (error) {
        if (!(error instanceof LockedKeyRingError)) throw error
        expect(error).toMatchObject({ code: 'ERR_KEY_RING_LOCKED', ring: { uid: ring.uid, seal: ring.seal } })
        expect(error.message).toContain('kek-1')
        expect(error.ring.slots[0]).not.toHaveProperty('privateJwk')
      }
    }
  })

  it('is refused where an encrypted key was moved to another slot', async () => {
    const ring = await sealKeyRing(keyRing([active, published]), undefined)
    const { slots, ...rest } = JSON.parse(encodeKeyRing(ring, encryption)) as { slots: { encryptedKey: unknown }[] }
    const [first, second] = slots
    const swapped = [
      { ...first, encryptedKey: second?.encryptedKey },
      { ...second, encryptedKey: first?.encryptedKey },
    ]
    expect(() => decodeKeyRing(JSON.stringify({ ...rest, slots: swapped }), { encryption })).toThrow(
      'cannot be decrypted',
    )
  })

  it('is outdated unless all its private keys are encrypted with the current key', async () => {
    const ring = await sealKeyRing(keyRing([active, await keySlot({ state: 'Retired' })]), undefined)
    expect(isOutdatedEncryption(encodeKeyRing(ring), encryption)).toBe(true)
    const text = encodeKeyRing(ring, encryption)
    expect(isOutdatedEncryption(text, encryption)).toBe(false)
    expect(isOutdatedEncryption(text, { ...encryption, current: 'kek-2' })).toBe(true)
  })

  it('says nothing of its keys when it refuses (I3)', () => {
    try {
      decodeKeyRing(JSON.stringify(stored(keyRing([withKeyOf(active, published)]))))
      expect.unreachable()
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain(active.privateJwk?.d)
      expect(String((error as Error).stack)).not.toContain(published.privateJwk?.d)
    }
  })
})

function withKeyOf(slot: KeySlot, other: KeySlot | undefined): KeySlot {
  const { privateJwk: _own, ...rest } = slot
  return other?.privateJwk === undefined ? rest : { ...rest, privateJwk: other.privateJwk }
}

describe('a key ring of the authority', () => {
  it('survives being stored, in clear and encrypted', async () => {
    const ring = await authorityRing([await authoritySlot(), await authoritySlot({ state: 'Published' })])
    expect(JSON.parse(encodeKeyRing(ring))).not.toHaveProperty('subject')
    expect(decodeKeyRing(encodeKeyRing(ring))).toEqual(ring)
    const encrypted = encodeKeyRing(ring, encryption)
    expect(encrypted).not.toContain('"d":')
    expect(decodeKeyRing(encrypted, { encryption })).toEqual(ring)
  })

  it('I8: has no key that is bound to a subject, and no ring of an identity one that is not', async () => {
    const unbound = await authoritySlot()
    expect(reason(stored(await authorityRing([active])))).toBe('ERR_KEY_RING_INTEGRITY')
    expect(reason(stored(keyRing([unbound])))).toBe('ERR_KEY_RING_INTEGRITY')
  })

  it("I8: is not made of an identity's by taking subjects away, nor the other way round", async () => {
    const subjectOf = ({ publicJwk }: KeySlot) => publicJwk.sub ?? ''
    const { subject: _subject, ...taken } = await sealKeyRing(keyRing([active]), undefined)
    const { sub: _sub, ...publicJwk } = active.publicJwk
    expect(reason({ version: 1, ...taken, slots: [{ ...active, publicJwk }] })).toBe('ERR_KEY_RING_SEAL')
    const ring = await authorityRing([await authoritySlot()])
    const bound = ring.slots.map((slot) => ({ ...slot, publicJwk: { ...slot.publicJwk, sub: subjectOf(active) } }))
    expect(reason({ version: 1, ...ring, subject: subjectOf(active), slots: bound })).toBe('ERR_KEY_RING_SEAL')
  })
})
