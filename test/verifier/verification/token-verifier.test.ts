import { describe, expect, it } from 'vitest'
import type { VerifiedToken } from '../../../src/tokens/verify.ts'
import { TokenVerifier, type TokenVerifierOptions } from '../../../src/verifier/verification/token-verifier.ts'
import { VerifierUnavailableError } from '../../../src/verifier/sources/verifier-unavailable-error.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { issuer, makeToken, now, subject } from '../../builders/token.ts'
import { twinOf } from '../../builders/signature-twin.ts'
import { HeldKeys, HeldRevocations } from '../../fakes/verifier-sources.ts'

const es256 = keys.ES256.publicJwk

function setUp(options: Partial<TokenVerifierOptions> = {}) {
  const clock = new HeldClock(now)
  const held = new HeldKeys(es256)
  const revocations = new HeldRevocations()
  const verifier = new TokenVerifier({
    keys: held,
    revocations,
    issuer,
    audience: 'payments',
    maxCacheBytes: 1_000_000,
    clock,
    ...options,
  })
  return { clock, keys: held, revocations, verifier }
}

describe('verifying', () => {
  it('gives the same frozen result for the same text', async () => {
    const { verifier } = setUp()
    const token = await makeToken({ claims: { team: ['a'] } })
    const verified = await verifier.verify(token)
    expect(verified).toMatchObject({ keyID: es256.kid, claims: { sub: subject, jti: 'token-1' } })
    expect(await verifier.verify(token)).toBe(verified)
    expect(() => Object.assign(verified.claims, { sub: 'spiffe://cluster.local/ns/shop/sa/admin' })).toThrow(TypeError)
    expect(() => (verified.claims.team as string[]).push('b')).toThrow(TypeError)
    expect(() => Object.assign(verified.header, { alg: 'none' })).toThrow(TypeError)
  })

  it('finds the same text again as another string, as each request brings it', async () => {
    const { verifier } = setUp()
    const token = await makeToken()
    const verified = await verifier.verify(token)
    expect(verifier.recall(Buffer.from(`Bearer ${token}`).toString('latin1').slice(7))).toBe(verified)
    expect(verifier.recall(`${token}=`)).toBeUndefined()
    expect(verifier.recall(token.slice(1))).toBeUndefined()
    expect(verifier.recall(token.slice(-86))).toBeUndefined()
    expect(verifier.recall('')).toBeUndefined()
    expect(verifier.recall(undefined as unknown as string)).toBeUndefined()
  })

  it('remembers no token that was refused', async () => {
    const { verifier, keys: held } = setUp()
    const other = await makeToken({ key: keys.other })
    await expect(verifier.verify(other)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
    expect(verifier.cached).toBe(0)
    held.set(es256, keys.other.publicJwk)
    await expect(verifier.verify(other)).resolves.toMatchObject({ keyID: keys.other.keyID })
  })

  it('asks for an unknown key once and judges again', async () => {
    const { verifier, keys: held } = setUp()
    held.onSeek = async () => held.set(es256, keys.other.publicJwk)
    await verifier.verify(await makeToken({ key: keys.other }))
    expect(held.sought).toEqual([keys.other.keyID])
  })

  it('asks for no key before form and header are right, nor for what else is wrong', async () => {
    const { verifier, keys: held } = setUp()
    const wrong = [
      'a.b.c',
      `${await makeToken({ key: keys.other })}=`,
      await makeToken({ header: { jku: 'https://attacker.example' } }),
      await makeToken({ claims: { aud: 'ledger' } }),
      await makeToken({ key: keys.other, header: { kid: es256.kid } }),
    ]
    for (const token of wrong) await expect(verifier.verify(token)).rejects.toMatchObject({ name: 'TokenError' })
    expect(held.sought).toEqual([])
  })

  it('I6: holds no more than a thousand calls that wait, and answers the rest that it cannot tell', async () => {
    const { verifier, keys: held } = setUp()
    const gate = Promise.withResolvers<undefined>()
    held.onSeek = () => gate.promise
    const unknown = await makeToken({ key: keys.other })
    const waiting = Array.from({ length: 1000 }, () => verifier.verify(unknown).catch((error: unknown) => error))
    await expect(verifier.verify(unknown)).rejects.toBeInstanceOf(VerifierUnavailableError)
    await expect(verifier.verify(await makeToken())).resolves.toBeDefined()
    gate.resolve(undefined)
    expect(new Set((await Promise.all(waiting)).map((error) => (error as { code: string }).code))).toEqual(
      new Set(['ERR_TOKEN_KEY_UNKNOWN']),
    )
    await expect(verifier.verify(unknown)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
  })

  it('I6: neither accepts nor refuses a good token while its keys must not be used', async () => {
    const { verifier, keys: held } = setUp()
    const token = await makeToken()
    const verified = await verifier.verify(token)
    held.reason = 'keys have not been confirmed within maxKeysAgeMs'
    expect(verifier.recall(token)).toBeUndefined()
    await expect(verifier.verify(token)).rejects.toMatchObject({
      code: 'ERR_VERIFIER_UNAVAILABLE',
      message: held.reason,
    })
    held.reason = undefined
    expect(await verifier.verify(token)).toEqual(verified)
  })

  it('I6: waits for the first list of revocations, and judges by it', async () => {
    const { verifier, revocations } = setUp()
    const [good, bad] = [await makeToken(), await makeToken({ claims: { jti: 'token-2' } })]
    revocations.reason = 'revocations have not been loaded yet'
    const gate = Promise.withResolvers<undefined>()
    revocations.settle = () => gate.promise.then(() => undefined)
    const outcomes = Promise.allSettled([verifier.verify(good), verifier.verify(bad)])
    revocations.set({ sub: subject, jti: 'token-2', exp: now })
    revocations.reason = undefined
    gate.resolve(undefined)
    expect(await outcomes).toMatchObject([
      { status: 'fulfilled', value: { claims: { jti: 'token-1' } } },
      { status: 'rejected', reason: { code: 'ERR_TOKEN_REVOKED' } },
    ])
  })

  it('I6: neither accepts nor refuses a good token while revocations cannot be told', async () => {
    const { verifier, revocations } = setUp()
    const token = await makeToken()
    const verified = await verifier.verify(token)
    revocations.reason = 'revocations have not been confirmed within maxRevocationsAgeMs'
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_VERIFIER_UNAVAILABLE' })
    await expect(verifier.verify('a.b.c')).rejects.toMatchObject({ code: 'ERR_TOKEN_MALFORMED' })
    revocations.set({ sub: subject, jti: 'token-1', exp: now })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_REVOKED' })
    revocations.set()
    revocations.reason = undefined
    expect(await verifier.verify(token)).toEqual(verified)
  })
})

describe('what a verifier is told to accept', () => {
  const access = { header: { typ: 'at+jwt' }, claims: { client_id: subject } }
  it.each<[string, Partial<TokenVerifierOptions>, Parameters<typeof makeToken>[0], string]>([
    ['other algorithms', { algorithms: ['RS256'] }, {}, 'ERR_TOKEN_ALGORITHM'],
    ['the other profile', { profile: 'JWT-SVID' }, access, 'ERR_TOKEN_TYPE'],
    ['another profile', { profile: 'AccessToken' }, {}, 'ERR_TOKEN_TYPE'],
    ['no more skew', { skewMs: 0 }, { claims: { exp: now / 1000 } }, 'ERR_TOKEN_EXPIRED'],
    ['a shorter life', { maxLifetimeMs: 3_599_000 }, {}, 'ERR_TOKEN_LIFETIME'],
  ])('is %s, and nothing else', async (_, options, difference, code) => {
    const token = await makeToken(difference)
    await expect(setUp().verifier.verify(token)).resolves.toBeDefined()
    const { verifier } = setUp(options)
    await expect(verifier.verify(token)).rejects.toMatchObject({ code })
    expect(verifier.recall(token)).toBeUndefined()
  })

  it('holds for what is remembered: with no skew a token ends on time, and begins on time', async () => {
    const { verifier, clock } = setUp({ skewMs: 0 })
    const token = await makeToken({ claims: { exp: now / 1000 + 600, iat: now / 1000 - 60, nbf: now / 1000 } })
    await verifier.verify(token)
    clock.advance(-1)
    expect(verifier.recall(token)).toBeUndefined()
    clock.advance(600_000)
    expect(verifier.recall(token)).toBeDefined()
    clock.advance(1)
    expect(verifier.recall(token)).toBeUndefined()
  })
})

describe('a remembered token', () => {
  it('ends with its time, and a minute for clocks', async () => {
    const { verifier, clock } = setUp()
    const exp = now / 1000 + 600
    const token = await makeToken({ claims: { exp } })
    await verifier.verify(token)
    clock.advance(659_999)
    expect(verifier.recall(token)).toBeDefined()
    clock.advance(1)
    expect(verifier.recall(token)).toBeUndefined()
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_EXPIRED' })
  })

  it('is not yet valid again where the clock is set back', async () => {
    const { verifier, clock } = setUp()
    const token = await makeToken()
    await verifier.verify(token)
    clock.advance(-121_000)
    expect(verifier.recall(token)).toBeUndefined()
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_NOT_YET_VALID' })
    clock.advance(121_000)
    expect(verifier.recall(token)).toBeDefined()
  })

  it.each([
    ['by its ID', { jti: 'token-1' }],
    ['by its key', { kid: es256.kid }],
    ['by its time', { issued_before: now / 1000 }],
  ])('I5: is refused at once when it is revoked %s, in each of its spellings', async (_, what) => {
    const { verifier, revocations } = setUp()
    const token = await makeToken()
    const twin = twinOf(token)
    await verifier.verify(token)
    await verifier.verify(twin)
    expect(verifier.cached).toBe(2)
    revocations.set({ sub: subject, exp: now, ...what })
    for (const spelling of [token, twin]) {
      expect(verifier.recall(spelling)).toBeUndefined()
      await expect(verifier.verify(spelling)).rejects.toMatchObject({ code: 'ERR_TOKEN_REVOKED' })
    }
  })

  it('is refused when its key has left the set, and when the key is bound to another by now', async () => {
    const { verifier, keys: held } = setUp()
    const token = await makeToken()
    await verifier.verify(token)
    held.set(keys.other.publicJwk)
    expect(verifier.recall(token)).toBeUndefined()
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_KEY_UNKNOWN' })
    held.set(es256)
    await verifier.verify(token)
    held.set({ ...es256, sub: 'spiffe://cluster.local/ns/shop/sa/other' })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'ERR_TOKEN_SUBJECT' })
  })

  it('is one for its audience: a verifier for another has a memory of its own', async () => {
    const { verifier } = setUp()
    const token = await makeToken()
    await verifier.verify(token)
    await expect(setUp({ audience: 'ledger' }).verifier.verify(token)).rejects.toMatchObject({
      code: 'ERR_TOKEN_AUDIENCE',
    })
  })

  it('takes its place in a bounded memory', async () => {
    const { verifier } = setUp({ maxCacheBytes: 20_000 })
    for (let index = 0; index < 50; index += 1)
      await verifier.verify(await makeToken({ claims: { jti: `t-${index}` } }))
    expect(verifier.cached).toBeGreaterThan(3)
    expect(verifier.cached).toBeLessThan(10)
  })

  it('is none where there is to be no memory', async () => {
    const { verifier } = setUp({ maxCacheBytes: 0 })
    const token = await makeToken()
    const first: VerifiedToken = await verifier.verify(token)
    expect(verifier.recall(token)).toBeUndefined()
    expect(await verifier.verify(token)).not.toBe(first)
  })
})
