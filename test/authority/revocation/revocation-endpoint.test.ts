import { beforeEach, describe, expect, it } from 'vitest'
import { introspectionEndpoint } from '../../../src/authority/introspection/introspection-endpoint.ts'
import type { KeyPresence } from '../../../src/keys/key-lookup.ts'
import { IssuedTokenVerifier } from '../../../src/authority/verification/issued-token-verifier.ts'
import { RateLimit } from '../../../src/authority/oauth/rate-limit.ts'
import type { RecordName, RevocationStore, TokenToRevoke } from '../../../src/tokens/revocation-store.ts'
import { revocationEndpoint } from '../../../src/authority/revocation/revocation-endpoint.ts'
import { MINUTE, SECOND } from '../../../src/time/duration.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { spellingsOf } from '../../builders/spellings.ts'
import { recordingLogger } from '../../fakes/api-server-fixture.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { issuer, makeToken, now, subject } from '../../builders/token.ts'
import { callers, form } from '../../fakes/callers.ts'
import { FakeRevocations } from '../../fakes/revocations.ts'

const iat = Math.floor((now - MINUTE) / 1000)
const burst = 20
const bound = { ...keys.ES256.publicJwk, sub: subject }

let clock: HeldClock
let revocations: FakeRevocations
/** How long ago it was told last which keys there are, in milliseconds. */
let deafMs: number
/** A key that was here and is not any more. */
let withdrawn: PublicJwk | undefined
/** What a look for an unknown key finds. */
let found: KeyPresence
let stored: TokenToRevoke[]
let signals: (AbortSignal | undefined)[]
let told: RecordName[]
let failure: Error | undefined
let logger: ReturnType<typeof recordingLogger>
let ask: (token: string, caller?: string) => Promise<{ status: number; body: string }>
let isActive: (token: string) => Promise<boolean>

beforeEach(() => {
  clock = new HeldClock(now)
  revocations = new FakeRevocations()
  deafMs = 0
  withdrawn = undefined
  found = 'absent'
  stored = []
  signals = []
  told = []
  failure = undefined
  logger = recordingLogger()
  const known = [bound, keys.other.publicJwk]
  const tokens = new IssuedTokenVerifier({
    issuer,
    trustDomain: 'cluster.local',
    keys: {
      ready: () => true,
      key: (kid) => known.find((key) => key.kid === kid),
      withdrawn: (kid) => (withdrawn?.kid === kid ? withdrawn : undefined),
      exists: () => true,
    },
    revocations,
    clock,
    knownUntil: () => clock.now() - deafMs,
    lookForKey: async () => found,
  })
  const store: RevocationStore = {
    add: (token, signal) => {
      signals.push(signal)
      if (failure !== undefined) return Promise.reject(failure)
      stored.push(token)
      revocations.add({ sub: subject, jti: token.tokenID, exp: token.expiresAt / SECOND + 300 })
      return Promise.resolve({ namespace: token.identity.namespace, name: 'token-1' })
    },
    look: () => Promise.resolve(true),
  }
  const endpoint = revocationEndpoint({
    authenticator: callers,
    tokens,
    store,
    clock,
    rates: new RateLimit({ perSecond: 1, burstSeconds: burst }),
    onStored: (record) => told.push(record),
    logger,
  })
  ask = (token, caller = 'shop/orders') => endpoint(form(caller, { token }))
  const introspection = introspectionEndpoint({
    authenticator: callers,
    tokens,
    trustDomain: 'cluster.local',
    introspectors: new Set(),
  })
  isActive = async (token) =>
    (JSON.parse((await introspection(form('shop/payments', { token }))).body) as { active: boolean }).active
})

const done = { status: 200, body: '' }

describe('revocation', () => {
  it('answers 200 once it is stored, and tells other replicas', async () => {
    const token = await makeToken()
    expect(await isActive(token)).toBe(true)
    expect(await ask(token)).toEqual(done)
    const identity = { namespace: 'shop', name: 'orders' }
    expect(stored).toEqual([{ identity, tokenID: 'token-1', expiresAt: (iat + 3600) * SECOND }])
    expect(told).toEqual([{ namespace: 'shop', name: 'token-1' }])
    // Which is given up with the request.
    expect(signals).toEqual([expect.any(AbortSignal)])
    expect(await isActive(token)).toBe(false)
  })

  it('I5: means every spelling of the token, whichever was sent', async () => {
    const token = await makeToken()
    for (const [, spelling] of spellingsOf(token)) expect(await ask(spelling)).toEqual(done)
    for (const [, spelling] of spellingsOf(token)) expect(await isActive(spelling)).toBe(false)
    expect(stored.every(({ tokenID }) => tokenID === 'token-1')).toBe(true)
  })

  it('I5: by the twin of a token means the token', async () => {
    const token = await makeToken()
    const twin = spellingsOf(token).find(([how]) => how === 'with the twin of its signature')?.[1] ?? ''
    expect(await ask(twin)).toEqual(done)
    expect(await isActive(token)).toBe(false)
  })

  it('I5: is stored also in the minute after the end, in which verifiers whose clocks are behind still accept', async () => {
    const token = await makeToken({ claims: { exp: now / SECOND - 59 } })
    expect(await ask(token)).toEqual(done)
    expect(stored).toEqual([expect.objectContaining({ tokenID: 'token-1' })])
  })

  it('is not stored any more after that minute, although the token is remembered as verified', async () => {
    const token = await makeToken({ claims: { exp: now / SECOND + 1 } })
    expect(await isActive(token)).toBe(true)
    clock.advance(MINUTE + SECOND)
    expect(await ask(token)).toEqual(done)
    expect(stored).toEqual([])
  })

  it('may be asked for again', async () => {
    const token = await makeToken()
    await ask(token)
    expect(await ask(token)).toEqual(done)
  })

  it('may be asked for by whom the token was issued to, as its client', async () => {
    const token = await makeToken({
      key: keys.other,
      claims: { client_id: 'spiffe://cluster.local/ns/shop/sa/carts' },
    })
    expect(await ask(token, 'shop/carts')).toEqual(done)
    expect(stored[0]?.identity).toEqual({ namespace: 'shop', name: 'orders' })
  })

  it('answers 200 and stores nothing for what is not valid', async () => {
    const token = await makeToken()
    const invalid = [
      'no token',
      await makeToken({ claims: { iss: 'https://elsewhere.example' } }),
      await makeToken({ claims: { sub: 'spiffe://other/ns/shop/sa/orders' } }),
      await makeToken({ claims: { sub: 'orders' } }),
      await makeToken({ key: keys.RS256 }),
      await makeToken({ claims: { exp: now / 1000 - 60 } }),
      `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}`,
    ]
    for (const one of invalid) expect(await ask(one)).toEqual(done)
    // A token of another issuer or trust domain belongs to no identity here, whatever it claims.
    for (const one of invalid.slice(0, 4)) expect(await ask(one, 'shop/payments')).toEqual(done)
    expect(stored).toEqual([])
  })

  it('refuses a token of another identity in the same words, whether it is a good one or not', async () => {
    const refusals: unknown[] = []
    const token = await makeToken()
    const forged = `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}`
    const expired = await makeToken({ claims: { exp: now / 1000 - 100 } })
    for (const one of [token, forged, expired, await makeToken({ key: keys.RS256 })]) {
      refusals.push(await ask(one, 'shop/payments').catch((error: unknown) => error))
    }
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ error: 'unauthorized_client', status: 400 })
      expect(refusal).toEqual(refusals[0])
    }
    expect(stored).toEqual([])
  })

  it('I8: refuses the same name of another namespace', async () => {
    await expect(ask(await makeToken(), 'billing/orders')).rejects.toMatchObject({ error: 'unauthorized_client' })
  })

  it('refuses who does not prove who it is, and a form without a token', async () => {
    await expect(ask(await makeToken(), '')).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(ask('')).rejects.toMatchObject({ error: 'invalid_request' })
  })

  it('I5: is unavailable, so not done, where it cannot be stored', async () => {
    const token = await makeToken()
    failure = new Error('cannot create tokenrevocations: Unreachable')
    await expect(ask(token)).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503, retryAfter: 2 })
    expect(told).toEqual([])
    expect(await isActive(token)).toBe(true)
    failure = undefined
    expect(await ask(token)).toEqual(done)
    expect(await isActive(token)).toBe(false)
  })

  it('I5: is unavailable where keys and revocations are not there to tell a good token', async () => {
    revocations.setReady(false)
    await expect(ask(await makeToken())).rejects.toMatchObject({ status: 503 })
    revocations.setReady(true)
    deafMs = MINUTE + SECOND
    found = 'unknown'
    await expect(ask(await makeToken({ key: keys.RS256 }))).rejects.toMatchObject({ status: 503 })
  })

  it('I5: is unavailable where the token may be by a new key, though the clock of who signed it is behind', async () => {
    const signedAgo = (ms: number) => {
      const at = Math.floor((now - ms) / SECOND)
      return makeToken({ key: keys.RS256, claims: { iat: at, nbf: at } })
    }
    deafMs = 5 * SECOND
    found = 'present'
    await expect(ask(await signedAgo(31 * SECOND))).rejects.toMatchObject({ status: 503 })
    expect(await ask(await signedAgo(70 * SECOND))).toEqual(done)
    expect(stored).toEqual([])
  })

  it('I5: revokes a token whose key is not published now, and may be again', async () => {
    withdrawn = keys.RS256.publicJwk
    const token = await makeToken({ key: keys.RS256 })
    expect(await isActive(token)).toBe(false)
    expect(await ask(`${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}`)).toEqual(done)
    expect(stored).toEqual([])
    expect(await ask(token)).toEqual(done)
    expect(stored).toHaveLength(1)
  })

  it('is limited for each caller, so that a compromised one cannot fill the list for all', async () => {
    for (let count = 0; count < burst; count += 1) {
      expect(await ask(await makeToken({ claims: { jti: `token-${count}` } }))).toEqual(done)
    }
    const next = await makeToken({ claims: { jti: 'next' } })
    await expect(ask(next)).rejects.toMatchObject({ status: 429, retryAfter: 1 })
    expect(await isActive(next)).toBe(true)
    expect(stored).toHaveLength(burst)
    const others = await makeToken({
      key: keys.other,
      claims: { client_id: 'spiffe://cluster.local/ns/shop/sa/carts' },
    })
    expect(await ask(others, 'shop/carts')).toEqual(done)
    expect(await ask('no token')).toEqual(done)
    clock.advance(SECOND)
    expect(await ask(next)).toEqual(done)
    expect(await isActive(next)).toBe(false)
  })

  it('brings no token into the log', async () => {
    const token = await makeToken()
    failure = new Error('no')
    await ask(token).catch(() => undefined)
    failure = undefined
    await ask(token)
    expect(logger.lines).toHaveLength(2)
    expect(JSON.stringify(logger.lines)).not.toMatch(/eyJ/)
    expect(JSON.stringify(logger.lines)).toContain('token-1')
  })
})
