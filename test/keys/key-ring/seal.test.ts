import { beforeAll, describe, expect, it } from 'vitest'
import { algorithms } from '../../../src/keys/algorithm.ts'
import { canonicalJson } from '../../../src/json.ts'
import { verifySignature } from '../../../src/keys/verify-signature.ts'
import { checkSeal, sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import type { KeySlot } from '../../../src/keys/key-ring/key-ring.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { keyRing, keySlot } from '../../builders/keys.ts'

let active: KeySlot
let published: KeySlot

beforeAll(async () => {
  active = await keySlot({ state: 'Active' })
  published = await keySlot()
})

describe('the seal of a ring', () => {
  it('is made by its own first key at first, and then by the key that was active before', async () => {
    const first = await sealKeyRing(keyRing([active]), undefined)
    expect(first.seal).toMatchObject({ keyID: active.keyID, sequence: 1 })
    const rotated = keyRing([
      { ...active, state: 'Retired' },
      { ...published, state: 'Active' },
    ])
    const second = await sealKeyRing(rotated, first)
    expect(second.seal).toMatchObject({ keyID: active.keyID, sequence: 2 })
    expect((await sealKeyRing(rotated, second)).seal).toMatchObject({ keyID: published.keyID, sequence: 3 })
    for (const ring of [first, second]) checkSeal(ring)
  })

  it('replaces the seal that the ring came with', async () => {
    const first = await sealKeyRing(keyRing([active]), undefined)
    const second = await sealKeyRing({ ...first, rotationRequest: 'x' }, first)
    expect(second.seal.sequence).toBe(2)
    checkSeal(second)
  })

  it.each(algorithms)('can be made and checked with %s', async (algorithm) => {
    const { keyID, publicJwk, privateJwk } = keys[algorithm]
    const slot: KeySlot = { keyID, algorithm, publicJwk, privateJwk, state: 'Active', longestUse: 1 }
    const ring = await sealKeyRing(keyRing([slot]), undefined)
    checkSeal(ring)
    expect(() => checkSeal({ ...ring, uid: 'other' })).toThrow('seal does not match')
  })

  it('does not depend on the order of members, nor on how private keys are stored', async () => {
    const ring = await sealKeyRing(keyRing([active, published]), undefined)
    const { uid, slots, ...rest } = ring
    const reordered = slots.map((slot) => Object.fromEntries(Object.entries(slot).reverse()) as unknown as KeySlot)
    checkSeal({ ...rest, slots: reordered, uid })
    checkSeal({ ...ring, slots: slots.map((slot) => ({ ...slot, privateJwk: { kty: 'EC', d: 'elsewhere' } })) })
  })

  it('covers a text that stays the same from version to version, because rings are stored', async () => {
    const ring = await sealKeyRing(keyRing([active, published]), undefined)
    const { uid, subject, rotationRequest, seal } = ring
    const slots = [active, published].map((slot) => ({ ...slot, privateJwk: undefined, private: true }))
    const content = { uid, subject, rotationRequest, slots, keyID: active.keyID, sequence: 1 }
    const text = `signet.dev/key-ring seal\n${canonicalJson(content)}`
    expect(verifySignature(active.publicJwk, text, Buffer.from(seal.signature, 'base64url'))).toBe(true)
  })

  it('prefers the active key to published ones, wherever it stands', async () => {
    expect((await sealKeyRing(keyRing([published, active]), undefined)).seal.keyID).toBe(active.keyID)
  })

  it('is made by a published key, never by a retired one, if the active key was lost', async () => {
    const { privateJwk: _lost, ...bare } = active
    const retired = await keySlot({ state: 'Retired' })
    expect((await sealKeyRing(keyRing([bare, retired, published]), undefined)).seal.keyID).toBe(published.keyID)
  })

  it('notices a private half that was taken away', async () => {
    const ring = await sealKeyRing(keyRing([active, published]), undefined)
    const { privateJwk: _taken, ...bare } = published
    expect(() => checkSeal({ ...ring, slots: [active, bare] })).toThrow('seal does not match')
  })

  it('cannot be made without a private key', async () => {
    const { privateJwk: _none, ...bare } = active
    await expect(sealKeyRing(keyRing([bare]), undefined)).rejects.toThrow('no key that can seal it')
  })
})
