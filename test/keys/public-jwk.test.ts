import { describe, expect, it } from 'vitest'
import { algorithms } from '../../src/keys/algorithm.ts'
import { JwkError, parsePublicJwk, thumbprint } from '../../src/keys/public-jwk.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { keys } from '../fixtures/keys/keys.ts'
import vectors from '../fixtures/vectors/rfc.json' with { type: 'json' }

const ec = keys.ES256.publicJwk
const rsa = keys.RS256.publicJwk
const okp = keys.EdDSA.publicJwk

describe('thumbprint', () => {
  it.each(vectors.thumbprints)('of $name is what the RFC says', ({ key, thumbprint: expected }) => {
    expect(thumbprint(key as unknown as PublicJwk)).toBe(expected)
  })
})

describe('parsePublicJwk', () => {
  it.each(algorithms)('keeps the known members of an %s key and drops the others', (algorithm) => {
    const jwk = { ...keys[algorithm].publicJwk, sub: 'spiffe://cluster.local/ns/shop/sa/orders' }
    expect(parsePublicJwk({ ...jwk, x5t: 'anything', ext: true })).toEqual(jwk)
  })

  it('takes a key without use and with the one operation verify', () => {
    expect(parsePublicJwk({ ...ec, use: undefined, key_ops: ['verify'] })).toEqual(ec)
  })

  it('takes a sub of 2048 characters at most', () => {
    expect(parsePublicJwk({ ...ec, sub: 's'.repeat(2048) })).toMatchObject({ sub: 's'.repeat(2048) })
    expect(caught(() => parsePublicJwk({ ...ec, sub: 's'.repeat(2049) }))).toMatchObject({ code: 'ERR_JWK_FORM' })
  })

  it('returns an immutable key', () => {
    expect(Object.isFrozen(parsePublicJwk(ec))).toBe(true)
  })

  const notOnCurve = Buffer.from(ec.x ?? '', 'base64url')
    .reverse()
    .toString('base64url')
  const shortN = Buffer.from(rsa.n ?? '', 'base64url')
    .subarray(128)
    .toString('base64url')
  it.each<[string, unknown, string]>([
    ['no object', 'key', 'ERR_JWK_FORM'],
    ['null', null, 'ERR_JWK_FORM'],
    ['a list', [ec], 'ERR_JWK_FORM'],
    ['no kid', { ...ec, kid: undefined }, 'ERR_JWK_FORM'],
    ['a kid that is no plain text', { ...ec, kid: '../../etc/passwd' }, 'ERR_JWK_FORM'],
    ['a kid of 65 characters', { ...ec, kid: 'k'.repeat(65) }, 'ERR_JWK_FORM'],
    ['an empty sub', { ...ec, sub: '' }, 'ERR_JWK_FORM'],
    ['a sub of the wrong type', { ...ec, sub: ['a'] }, 'ERR_JWK_FORM'],
    ['use enc', { ...ec, use: 'enc' }, 'ERR_JWK_USE'],
    ['an operation besides verify', { ...ec, key_ops: ['verify', 'encrypt'] }, 'ERR_JWK_USE'],
    ['the operation encrypt', { ...ec, key_ops: ['encrypt'] }, 'ERR_JWK_USE'],
    ['no alg', { ...ec, alg: undefined }, 'ERR_JWK_ALGORITHM'],
    ['alg none', { ...ec, alg: 'none' }, 'ERR_JWK_ALGORITHM'],
    ['a symmetric alg', { kty: 'oct', kid: 'k', alg: 'HS256' }, 'ERR_JWK_ALGORITHM'],
    ['an alg that is a member of every object', { ...ec, alg: 'toString' }, 'ERR_JWK_ALGORITHM'],
    ['the alg of another key type', { ...ec, alg: 'RS256' }, 'ERR_JWK_FORM'],
    ['the alg of another curve', { ...ec, alg: 'ES384' }, 'ERR_JWK_FORM'],
    ['another curve of the same type', { ...okp, crv: 'X25519' }, 'ERR_JWK_FORM'],
    ['an RSA key with a curve', { ...rsa, crv: 'P-256' }, 'ERR_JWK_FORM'],
    ['a missing coordinate', { ...ec, y: undefined }, 'ERR_JWK_FORM'],
    ['a coordinate too short', { ...ec, x: ec.x?.slice(4) }, 'ERR_JWK_FORM'],
    ['a coordinate in another spelling', { ...okp, x: `${okp.x?.slice(0, -1)}B` }, 'ERR_JWK_FORM'],
    ['a coordinate with padding', { ...okp, x: `${okp.x}=` }, 'ERR_JWK_FORM'],
    ['a point that is not on the curve', { ...ec, x: notOnCurve }, 'ERR_JWK_FORM'],
    [
      'a modulus with leading zeros',
      { ...rsa, n: Buffer.concat([Buffer.alloc(3), Buffer.from(rsa.n ?? '', 'base64url')]).toString('base64url') },
      'ERR_JWK_FORM',
    ],
    ['an RSA key of 1024 bits', { ...rsa, n: shortN }, 'ERR_JWK_WEAK'],
    ['exponent 1', { ...rsa, e: 'AQ' }, 'ERR_JWK_WEAK'],
    ['an even exponent', { ...rsa, e: 'Ag' }, 'ERR_JWK_WEAK'],
    ['I3: a private EC key', { ...ec, d: keys.ES256.privateJwk.d }, 'ERR_JWK_PRIVATE'],
    ['I3: a private RSA key', { ...rsa, ...keys.RS256.privateJwk }, 'ERR_JWK_PRIVATE'],
    ['I3: only a factor', { ...rsa, p: keys.RS256.privateJwk.p }, 'ERR_JWK_PRIVATE'],
    ['a secret', { ...ec, k: 'c2VjcmV0' }, 'ERR_JWK_PRIVATE'],
  ])('refuses %s', (_, value, code) => {
    const error = caught(() => parsePublicJwk(value))
    expect(error).toBeInstanceOf(JwkError)
    expect(error).toMatchObject({ code })
    expect((error as Error).message).not.toContain(keys.ES256.privateJwk.d)
  })
})

function caught(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
