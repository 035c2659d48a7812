import { calculateJwkThumbprint, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../src/keys/algorithm.ts'
import { checkKeyPair, generateSigningKey, importPrivateKey, type PrivateJwk } from '../../src/keys/signing-key.ts'
import { keys } from '../fixtures/keys/keys.ts'

const { publicJwk, privateJwk } = keys.ES256

describe('generateSigningKey', () => {
  it.each(algorithms)('makes a whole %s key, named by its thumbprint', async (algorithm) => {
    const key = await generateSigningKey(algorithm)
    expect(key.publicJwk).toMatchObject({ kid: key.keyID, alg: algorithm, use: 'sig' })
    expect(key.keyID).toBe(await calculateJwkThumbprint(key.publicJwk))
    expect(checkKeyPair(key.publicJwk, key.privateJwk)).toBe(true)
    await expect(importJWK({ ...key.privateJwk, alg: algorithm })).resolves.toBeDefined()
  })

  it('binds the public half to a subject', async () => {
    const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
    expect((await generateSigningKey('ES256', subject)).publicJwk.sub).toBe(subject)
    expect((await generateSigningKey('ES256')).publicJwk).not.toHaveProperty('sub')
  })

  it('I4: never makes the same key twice', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => generateSigningKey('ES256')))
    expect(new Set(made.map(({ keyID }) => keyID)).size).toBe(20)
  })

  it('I3: keeps private members out of the public half', async () => {
    for (const algorithm of algorithms) {
      const members = Object.keys((await generateSigningKey(algorithm)).publicJwk)
      expect(members.filter((name) => ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].includes(name))).toEqual([])
    }
  })
})

describe('checkKeyPair', () => {
  it.each(algorithms)('accepts a whole %s key, and its public half alone', (algorithm) => {
    expect(checkKeyPair(keys[algorithm].publicJwk, keys[algorithm].privateJwk)).toBe(true)
    expect(checkKeyPair(keys[algorithm].publicJwk, undefined)).toBe(true)
  })

  const rsa = keys.RS256
  it.each([
    ['I4: a kid that is not the thumbprint', { ...publicJwk, kid: keys.other.keyID }, privateJwk],
    ['I4: a kid that is not the thumbprint of a public half alone', { ...publicJwk, kid: 'k' }, undefined],
    ['the private half of another key', publicJwk, keys.other.privateJwk],
    ['a private value that is not of the public half', publicJwk, { ...privateJwk, d: keys.other.privateJwk.d }],
    ['a private half of another type', publicJwk, rsa.privateJwk],
    ['an alg of another type', { ...publicJwk, alg: 'EdDSA' as const }, privateJwk],
    ['a private half in the public one', { ...publicJwk, d: privateJwk.d }, privateJwk],
    ['RSA numbers of two keys', rsa.publicJwk, { ...keys.PS256.privateJwk, n: rsa.privateJwk.n ?? '' }],
    ['a private half without d', publicJwk, { ...privateJwk, d: undefined } as unknown as PrivateJwk],
    ['no private half at all', publicJwk, {} as PrivateJwk],
  ])('refuses %s', (_, broken, half) => {
    expect(checkKeyPair(broken, half)).toBe(false)
  })

  it('refuses a value that is not a key without throwing', () => {
    for (const value of [undefined, null, 'key', [], {}]) expect(checkKeyPair(value as never, undefined)).toBe(false)
  })
})

describe('importPrivateKey', () => {
  it('I3: says nothing of a key that it cannot import', () => {
    const broken = { ...privateJwk, d: 'c2VjcmV0LXZhbHVl' }
    expect(() => importPrivateKey({ ...broken, crv: 'P-255' })).toThrow(/^private JWK is not a key$/)
    expect(() => importPrivateKey({ ...broken, crv: 'P-255' })).toThrow(TypeError)
  })
})
