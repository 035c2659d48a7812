import { describe, expect, it } from 'vitest'
import { HOUR } from '../../src/time/duration.ts'
import { createSigner, type Signer } from '../../src/keys/signer.ts'
import { buildClaims, type ClaimsInput } from '../../src/tokens/claims.ts'
import { SampledMinter } from '../../src/tokens/sampled-minter.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { issuer, now, subject } from '../builders/token.ts'

const { keyID, publicJwk, privateJwk } = keys.ES256
const signer = createSigner({ keyID, algorithm: 'ES256', privateJwk })

function claims(different: Partial<ClaimsInput> = {}) {
  const input = { issuer, subject, audience: 'payments', issuedAt: now, lifetimeMs: HOUR, tokenID: 'one' }
  return buildClaims({ ...input, profile: 'AccessToken', ...different })
}

function input(different: object = {}) {
  return { signer, publicJwk, profile: 'AccessToken' as const, claims: claims(), ...different }
}

/** A signer that breaks on demand, and counts. */
function fragile() {
  const state = { broken: false, signatures: 0 }
  const one: Signer = {
    ...signer,
    sign: async (data) => {
      state.signatures += 1
      const signature = await signer.sign(data)
      if (state.broken) signature[5] = (signature[5] ?? 0) ^ 1
      return signature
    },
  }
  return { state, one }
}

describe('SampledMinter', () => {
  it('mints what a relying party accepts', async () => {
    const mint = new SampledMinter()
    for (let count = 0; count < 3; count += 1) {
      const { token } = await mint.mint(input())
      const options = { keys: () => publicJwk, issuer, audience: 'payments', now, profile: 'AccessToken' as const }
      expect(verifyTokenSync(token, options).claims).toEqual(claims())
    }
  })

  it('hands out no token of a key whose halves do not belong together', async () => {
    const mint = new SampledMinter()
    const foreign = { ...keys.other.publicJwk, kid: keyID }
    for (let count = 0; count < 3; count += 1) {
      await expect(mint.mint(input({ publicJwk: foreign }))).rejects.toMatchObject({ code: 'ERR_TOKEN_SIGNATURE' })
    }
  })

  it('finds a signer that breaks within 64 tokens, and trusts it again only after a good one', async () => {
    const mint = new SampledMinter()
    const { state, one } = fragile()
    const attempt = () =>
      mint.mint(input({ signer: one })).then(
        () => true,
        () => false,
      )
    expect(await attempt()).toBe(true)
    state.broken = true
    const outcomes: boolean[] = []
    for (let count = 0; count < 70; count += 1) outcomes.push(await attempt())
    expect(outcomes.indexOf(false)).toBe(63)
    expect(outcomes.slice(63)).toEqual(Array.from({ length: 7 }, () => false))
    state.broken = false
    expect(await attempt()).toBe(true)
  })

  it.each<[string, object, string]>([
    ['another key', { publicJwk: keys.other.publicJwk }, 'ERR_TOKEN_KEY_UNKNOWN'],
    [
      'a subject that the key is not for',
      { publicJwk: { ...publicJwk, sub: 'spiffe://a/ns/b/sa/c' } },
      'ERR_TOKEN_SUBJECT',
    ],
    ['a life of more than a day', { claims: claims({ lifetimeMs: 25 * HOUR }) }, 'ERR_TOKEN_LIFETIME'],
    ['no life', { claims: claims({ lifetimeMs: 0 }) }, 'ERR_TOKEN_EXPIRED'],
    [
      'a subject that is no SPIFFE ID',
      { profile: 'JWT-SVID', claims: claims({ profile: 'JWT-SVID', subject: 'orders' }) },
      'ERR_TOKEN_CLAIM',
    ],
  ])('refuses %s, first and later', async (_, different, code) => {
    const mint = new SampledMinter()
    await expect(mint.mint(input(different))).rejects.toMatchObject({ code })
    await mint.mint(input())
    await expect(mint.mint(input(different))).rejects.toMatchObject({ code })
  })

  const other = createSigner({ keyID: keys.other.keyID, algorithm: 'ES256', privateJwk: keys.other.privateJwk })
  it.each<[string, object, string]>([
    ['a signer of another key', { signer: other }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['a signer of another algorithm', { signer: { ...signer, algorithm: 'ES384' } }, 'ERR_TOKEN_KEY_UNKNOWN'],
    ['a subject that the key is not for', { claims: claims({ subject: 'spiffe://a/ns/b/sa/c' }) }, 'ERR_TOKEN_SUBJECT'],
  ])('refuses %s also for a key that has been proved', async (_, different, code) => {
    const mint = new SampledMinter()
    const proved = { ...publicJwk, sub: subject }
    await mint.mint(input({ publicJwk: proved }))
    await expect(mint.mint(input({ publicJwk: proved, ...different }))).rejects.toMatchObject({ code })
  })

  it('signs nothing whose claims would be refused', async () => {
    const mint = new SampledMinter()
    const { state, one } = fragile()
    await mint.mint(input({ signer: one }))
    await expect(mint.mint(input({ signer: one, claims: claims({ lifetimeMs: 0 }) }))).rejects.toThrow()
    expect(state.signatures).toBe(1)
  })
})
