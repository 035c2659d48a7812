import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { HOUR } from '../../src/time/duration.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { buildClaims, maxExtraClaimsBytes, type Profile, profiles } from '../../src/tokens/claims.ts'
import { maxTokenLength } from '../../src/tokens/compact.ts'
import { mintToken, newTokenID } from '../../src/tokens/mint.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { issuer, keyOf, now, subject } from '../builders/token.ts'

const claimsOf = (profile: Profile, extras: Record<string, unknown> = {}) =>
  buildClaims({
    issuer,
    subject,
    audience: 'payments',
    issuedAt: now,
    lifetimeMs: HOUR,
    tokenID: newTokenID(),
    profile,
    extras,
  })

describe('mintToken', () => {
  const extras = fc.dictionary(
    fc.stringMatching(/^[a-z]{3,8}$/).map((name) => `x_${name}`),
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.integer(),
      fc.boolean(),
      fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
    ),
    { maxKeys: 4 },
  )

  it.each(algorithms)('mints with %s what jose verifies, claim by claim', async (algorithm) => {
    const { publicJwk, privateJwk, keyID } = keyOf(algorithm)
    const signer = createSigner({ keyID, algorithm, privateJwk })
    const jwks = createLocalJWKSet({ keys: [{ ...publicJwk }] })
    await fc.assert(
      fc.asyncProperty(extras, fc.constantFrom(...profiles), async (more, profile) => {
        const claims = claimsOf(profile, more)
        const minted = await mintToken({ signer, claims, profile, publicJwk })
        const { payload, protectedHeader } = await jwtVerify(minted.token, jwks, {
          issuer,
          subject,
          audience: 'payments',
          algorithms: [algorithm],
          typ: profile === 'AccessToken' ? 'at+jwt' : 'JWT',
          requiredClaims: ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'],
          currentDate: new Date(now),
        })
        expect(payload).toEqual(claims)
        expect(protectedHeader).toEqual({
          alg: algorithm,
          kid: keyID,
          typ: profile === 'AccessToken' ? 'at+jwt' : 'JWT',
        })
        expect(minted).toMatchObject({ claims, keyID })
      }),
      { numRuns: 15 },
    )
  })

  it('keeps a token with the most claims that are allowed within what is read', async () => {
    const claims = claimsOf('JWT-SVID', { team: 'x'.repeat(maxExtraClaimsBytes - 11) })
    const { publicJwk } = keys.RS256
    const { token } = await mintToken({
      signer: createSigner({ ...keys.RS256, algorithm: 'RS256' }),
      claims,
      profile: 'JWT-SVID',
      publicJwk,
    })
    expect(token.length).toBeLessThan(maxTokenLength)
  })

  const signer = createSigner({ ...keys.ES256, algorithm: 'ES256' })
  it.each([
    [
      'the key of another subject',
      { publicJwk: { ...keys.ES256.publicJwk, sub: 'spiffe://cluster.local/ns/shop/sa/other' } },
      'ERR_TOKEN_SUBJECT',
    ],
    ['another public key', { publicJwk: keys.other.publicJwk }, 'ERR_TOKEN_KEY_UNKNOWN'],
    [
      'a signer that is not of the key it says',
      { signer: createSigner({ ...keys.other, keyID: keys.ES256.keyID, algorithm: 'ES256' }) },
      'ERR_TOKEN_SIGNATURE',
    ],
    [
      'claims that have expired when they begin',
      { claims: { ...claimsOf('JWT-SVID'), exp: now / 1000 - 1 } },
      'ERR_TOKEN_EXPIRED',
    ],
    ['a subject that is no SPIFFE ID', { claims: { ...claimsOf('JWT-SVID'), sub: 'orders' } }, 'ERR_TOKEN_CLAIM'],
    ['an access token without a client', { profile: 'AccessToken' as const }, 'ERR_TOKEN_CLAIM'],
    ['a lifetime over a day', { claims: { ...claimsOf('JWT-SVID'), exp: now / 1000 + 86401 } }, 'ERR_TOKEN_LIFETIME'],
  ])('hands out nothing for %s', async (_, different, code) => {
    const good = { signer, claims: claimsOf('JWT-SVID'), profile: 'JWT-SVID' as const, publicJwk: keys.ES256.publicJwk }
    await expect(mintToken(good)).resolves.toBeDefined()
    await expect(mintToken({ ...good, ...different })).rejects.toMatchObject({ code })
  })
})

describe('newTokenID', () => {
  it('gives 128 random bits in base64url', () => {
    const made = Array.from({ length: 1000 }, newTokenID)
    expect(new Set(made).size).toBe(1000)
    expect(made.every((id) => /^[A-Za-z0-9_-]{22}$/.test(id))).toBe(true)
  })
})
