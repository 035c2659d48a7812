import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { introspectionEndpoint } from '../../../src/authority/introspection/introspection-endpoint.ts'
import type { KeyLookup, KeyPresence } from '../../../src/keys/key-lookup.ts'
import {
  IssuedTokenVerifier,
  type IssuedTokenVerifierOptions,
} from '../../../src/authority/verification/issued-token-verifier.ts'
import { SharedVerifications } from '../../../src/authority/verification/shared-verifications.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { createSigner } from '../../../src/keys/signer.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { spellingsOf, twinOf } from '../../builders/spellings.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { encode, issuer, makeToken, now, subject } from '../../builders/token.ts'
import { callers, form } from '../../fakes/callers.ts'
import { FakeRevocations } from '../../fakes/revocations.ts'
import { FakeSharedCache } from '../../fakes/shared-cache.ts'

const bound: PublicJwk = { ...keys.ES256.publicJwk, sub: subject }
const own: PublicJwk = keys.other.publicJwk
const carts: PublicJwk = { ...keys.EdDSA.publicJwk, sub: 'spiffe://cluster.local/ns/shop/sa/carts' }
const iat = Math.floor((now - MINUTE) / 1000)

let clock: HeldClock
let revocations: FakeRevocations
let known: Map<string, PublicJwk>
let identities: Set<string>
let ready: boolean
/** How long ago it was told last which keys there are, in milliseconds. */
let deafMs: number

beforeEach(() => {
  clock = new HeldClock(now)
  revocations = new FakeRevocations()
  known = new Map([bound, own, carts].map((key) => [key.kid, key]))
  identities = new Set(['shop/orders', 'shop/payments', 'shop/carts'])
  ready = true
  deafMs = 0
})

function endpoint(more: Partial<IssuedTokenVerifierOptions> = {}) {
  const tokens = new IssuedTokenVerifier({
    issuer,
    trustDomain: 'cluster.local',
    keys: {
      ready: () => ready,
      key: (kid) => known.get(kid),
      withdrawn: () => undefined,
      exists: ({ namespace, name }) => identities.has(`${namespace}/${name}`),
    },
    revocations,
    clock,
    knownUntil: () => clock.now() - deafMs,
    ...more,
  })
  const introspectors = new Set(['edge/gateway'])
  const answer = introspectionEndpoint({ authenticator: callers, tokens, trustDomain: 'cluster.local', introspectors })
  return async (token: string, caller = 'shop/payments') => {
    const { status, body } = await answer(form(caller, { token }))
    expect(status).toBe(200)
    return JSON.parse(body) as Record<string, unknown>
  }
}
const inactive = { active: false }

describe('introspection', () => {
  it('says of a live token who it is of, for whom and until when', async () => {
    const token = await makeToken({ claims: { team: 'checkout' } })
    expect(await endpoint()(token)).toEqual({
      active: true,
      iss: issuer,
      sub: subject,
      aud: 'payments',
      iat,
      nbf: iat,
      exp: iat + 3600,
      jti: 'token-1',
      token_type: 'Bearer',
    })
  })

  it('answers as the documentation shows', async () => {
    const page = readFileSync(new URL('../../../docs/guides/introspection.md', import.meta.url), 'utf8')
    const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as Record<string, unknown>
    const { active, token_type, ...claims } = shown
    expect({ active, token_type }).toEqual({ active: true, token_type: 'Bearer' })
    clock = new HeldClock(Number(claims['iat']) * SECOND)
    const ask = endpoint({ issuer: String(claims['iss']) })
    expect(await ask(await makeToken({ claims }), 'billing/payments')).toEqual(shown)
  })

  it('says client and scopes of an access token', async () => {
    const claims = { client_id: subject, scope: 'read write' }
    const token = await makeToken({ header: { typ: 'at+jwt' }, claims })
    expect(await endpoint()(token)).toMatchObject({ active: true, ...claims })
  })

  it.each([
    ['the cluster', issuer],
    ['its namespace', `${issuer}/ns/shop`],
    ['its identity', `${issuer}/ns/shop/sa/orders`],
  ])('knows tokens of the issuer of %s', async (_, iss) => {
    expect(await endpoint()(await makeToken({ claims: { iss } }))).toMatchObject({ active: true, iss })
  })

  it.each<[string, Parameters<typeof makeToken>[0]]>([
    ['of another issuer', { claims: { iss: 'https://elsewhere.example' } }],
    ["of another namespace's issuer", { claims: { iss: `${issuer}/ns/billing` } }],
    ['of an issuer that is none', { claims: { iss: { toString: 1 } } }],
    ['without a jti', { claims: { jti: undefined } }],
    ['with a jti that is none', { claims: { jti: { toString: 1 } } }],
    ['that expires now', { claims: { exp: now / 1000 } }],
    ['that is not valid yet', { claims: { nbf: now / 1000 + 61 } }],
    ['by an unknown key', { key: keys.RS256 }],
    ['of another trust domain', { claims: { sub: 'spiffe://other/ns/shop/sa/orders' } }],
    ['of a subject that its key may not sign for', { key: keys.EdDSA }],
    ['of a subject that is none', { key: keys.other, claims: { sub: 'orders' } }],
    ['with a header that holds another key', { header: { jwk: own } }],
    ['with the algorithm none', { header: { alg: 'none' } }],
  ])('says nothing of a token %s', async (_, difference) => {
    expect(await endpoint()(await makeToken(difference))).toEqual(inactive)
  })

  it.each(['', 'x', 'a.b.c', '{}', 'eyJ'.repeat(5000)])(
    'says nothing about a text that is not a token',
    async (text) => {
      if (text !== '') expect(await endpoint()(text)).toEqual(inactive)
    },
  )

  it.each([
    ['meant for another', 'shop/ledger'],
    ['meant for the bearer of the same name in another namespace', 'billing/payments'],
    ['whose own it is', 'shop/orders'],
  ])('says nothing of a token to who asks and is not who it is meant for: %s', async (_, caller) => {
    const ask = endpoint()
    const token = await makeToken()
    expect(await ask(token, caller)).toEqual(inactive)
    expect(await ask(token)).toMatchObject({ active: true })
    // Nor from the cache.
    expect(await ask(token, caller)).toEqual(inactive)
  })

  it('tells listed introspectors of tokens for any audience', async () => {
    const token = await makeToken({ claims: { aud: 'anything' } })
    expect(await endpoint()(token, 'edge/gateway')).toMatchObject({ active: true })
    // Nor is one of that name in another namespace listed, nor another of that namespace.
    for (const other of ['shop/gateway', 'edge/other']) expect(await endpoint()(token, other)).toEqual(inactive)
  })

  it('takes any of several audiences', async () => {
    const token = await makeToken({ claims: { aud: ['ledger', 'payments.shop'] } })
    expect(await endpoint()(token)).toMatchObject({ active: true })
  })

  it('refuses who does not prove who it is, and a form without a token', async () => {
    const tokens = { verify: vi.fn(), isLive: vi.fn() } as unknown as IssuedTokenVerifier
    const answer = introspectionEndpoint({
      authenticator: callers,
      tokens,
      trustDomain: 'cluster.local',
      introspectors: new Set(),
    })
    await expect(answer(form(undefined, { token: 'x' }))).rejects.toMatchObject({
      error: 'invalid_client',
      status: 401,
    })
    await expect(answer(form('shop/payments', {}))).rejects.toMatchObject({ error: 'invalid_request', status: 400 })
  })

  it('I6: is unavailable, and says nothing of the token, until keys and revocations have been read', async () => {
    const ask = endpoint()
    const token = await makeToken()
    const unavailable = { error: 'temporarily_unavailable', status: 503, retryAfter: 2 }
    revocations.setReady(false)
    await expect(ask(token)).rejects.toMatchObject(unavailable)
    revocations.setReady(true)
    ready = false
    await expect(ask(token)).rejects.toMatchObject(unavailable)
    ready = true
    expect(await ask(token)).toMatchObject({ active: true })
  })

  it('I6: cannot tell of an unknown key that may have come since it was told last; goes on with those it knows', async () => {
    const ask = endpoint()
    const token = await makeToken({ key: keys.RS256 })
    // The token is of a minute ago; what is told within that very second may have come before it.
    for (deafMs of [MINUTE - SECOND + 1, HOUR]) {
      await expect(ask(token)).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503 })
      expect(await ask(await makeToken())).toMatchObject({ active: true })
    }
    deafMs = MINUTE - SECOND
    expect(await ask(token)).toEqual(inactive)
  })

  it('looks for an unknown key that may be new, for the identity that the token names, and only for such a one', async () => {
    const looks: unknown[] = []
    let found: KeyPresence = 'present'
    const lookForKey: KeyLookup = async (...look) => {
      looks.push(look)
      return found
    }
    const ask = endpoint({ lookForKey })
    const token = await makeToken({ key: keys.RS256 })
    expect(await ask(token)).toEqual(inactive)
    expect(await ask(await makeToken())).toMatchObject({ active: true })
    expect(looks).toEqual([])
    deafMs = MINUTE
    for (found of ['present', 'unknown'] as const) await expect(ask(token)).rejects.toMatchObject({ status: 503 })
    found = 'absent'
    expect(await ask(token)).toEqual(inactive)
    const look = [expect.objectContaining({ namespace: 'shop', name: 'orders' }), keys.RS256.publicJwk.kid]
    expect(looks).toEqual([look, look, look])
  })

  it.each<[string, Record<string, unknown>]>([
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['of another trust domain', { sub: 'spiffe://other/ns/shop/sa/orders' }],
    ['that does not say when it was issued', { iat: undefined }],
    ['whose time of issue is none', { iat: '0' }],
    ['that is from the future', { iat: now / SECOND + 61 }],
  ])('says nothing of a token by an unknown key %s, whatever it has been told', async (_, claims) => {
    deafMs = HOUR
    expect(await endpoint()(await makeToken({ key: keys.RS256, claims }))).toEqual(inactive)
    expect(await endpoint()('no token')).toEqual(inactive)
  })
})

describe('what the authority has signed itself', () => {
  const mine = (claims: Record<string, unknown> = {}) =>
    makeToken({ key: keys.other, claims: { exp: iat + 300, ...claims } })

  it('is live for any identity that exists, for an hour at most', async () => {
    const ask = endpoint()
    expect(await ask(await mine())).toMatchObject({ active: true })
    expect(await ask(await mine({ jti: 'long', exp: iat + 3601 }))).toEqual(inactive)
  })

  it('is not live once its identity is gone', async () => {
    const ask = endpoint()
    const token = await mine()
    expect(await ask(token)).toMatchObject({ active: true })
    identities.delete('shop/orders')
    expect(await ask(token)).toEqual(inactive)
  })
})

describe('a token that has been seen before', () => {
  it('is not verified again, and not live without its key all the same', async () => {
    const tokens = new IssuedTokenVerifier({
      issuer,
      trustDomain: 'cluster.local',
      keys: { ready: () => true, key: (kid) => known.get(kid), withdrawn: () => undefined, exists: () => true },
      revocations,
      clock,
    })
    const token = await makeToken()
    const verified = await tokens.verify(token)
    if (verified === undefined) throw new Error('it was not verified')
    expect(await tokens.verify(token)).toBe(verified)
    expect(tokens.isLive(verified)).toBe(true)
    known.delete(bound.kid)
    expect(tokens.isLive(verified)).toBe(false)
  })

  it('I5: is judged anew by what is revoked', async () => {
    const ask = endpoint()
    const token = await makeToken()
    expect(await ask(token)).toMatchObject({ active: true })
    for (const revoked of [{ jti: 'token-1' }, { kid: bound.kid }, { issued_before: iat + 1 }]) {
      revocations.set({ sub: subject, exp: iat + 9000, ...revoked })
      expect(await ask(token)).toEqual(inactive)
      revocations.set()
      expect(await ask(token)).toMatchObject({ active: true })
    }
  })

  it('I5: is refused in every spelling once it is revoked', async () => {
    const ask = endpoint()
    const token = await makeToken()
    expect(await ask(token)).toMatchObject({ active: true })
    expect(await ask(twinOf(token))).toMatchObject({ active: true })
    revocations.set({ sub: subject, jti: 'token-1', exp: iat + 9000 })
    for (const [, spelling] of spellingsOf(token)) expect(await ask(spelling)).toEqual(inactive)
  })

  it('is not live a moment after it has expired', async () => {
    const ask = endpoint()
    const token = await makeToken({ claims: { exp: now / 1000 + 10 } })
    clock.advance(10 * SECOND - 1)
    expect(await ask(token)).toMatchObject({ active: true })
    clock.advance(1)
    expect(await ask(token)).toEqual(inactive)
  })

  it('is not live without its key, and is verified anew with another of the same kid', async () => {
    const ask = endpoint()
    const token = await makeToken()
    expect(await ask(token)).toMatchObject({ active: true })
    known.delete(bound.kid)
    expect(await ask(token)).toEqual(inactive)
    known.set(bound.kid, { ...bound, sub: 'spiffe://cluster.local/ns/shop/sa/carts' })
    expect(await ask(token)).toEqual(inactive)
    known.set(bound.kid, { ...bound })
    expect(await ask(token)).toMatchObject({ active: true })
  })

  it('lends nothing to a forged one that borrows its ID, key, claims or signature, and loses nothing by it', async () => {
    const ask = endpoint()
    const token = await makeToken()
    expect(await ask(token)).toMatchObject({ active: true })
    const [header = '', claims = '', signature = ''] = token.split('.')
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
    const longer = encode(JSON.stringify({ ...read, exp: iat + 7200 }))
    const { keyID, privateJwk } = keys.other
    const forger = createSigner({ keyID, algorithm: 'ES256', privateJwk })
    const forged = [
      `${header}.${claims}.${'A'.repeat(86)}`,
      `${header}.${longer}.${signature}`,
      `${header}.${claims}.${(await forger.sign(`${header}.${claims}`)).toString('base64url')}`,
      `${header}.${longer}.${(await forger.sign(`${header}.${longer}`)).toString('base64url')}`,
    ]
    for (const one of forged) {
      expect(await ask(one)).toEqual(inactive)
      expect(await ask(token)).toMatchObject({ active: true, exp: iat + 3600 })
    }
  })
})

describe('what replicas share', () => {
  const secret = Buffer.from('what replicas know')
  const sharing = (cache: FakeSharedCache, known: Uint8Array | undefined = secret) =>
    endpoint({ shared: new SharedVerifications({ cache, secret: () => known }) })

  it('spares a second replica the signature, and holds nothing of the token', async () => {
    const cache = new FakeSharedCache()
    const token = await makeToken()
    expect(await sharing(cache)(token)).toMatchObject({ active: true })
    expect(cache.entries.size).toBe(1)
    for (const [name, value] of cache.entries) {
      expect(name).toMatch(/^verified:1:[A-Za-z0-9_-]{43}$/)
      expect(value).toMatch(/^[A-Za-z0-9_-]{43}$/)
    }
    // A key that verifies nothing: what is live now has been vouched for.
    known.set(bound.kid, { ...keys.other.publicJwk, kid: bound.kid, sub: subject })
    expect(await sharing(cache)(token)).toMatchObject({ active: true })
    expect(await sharing(new FakeSharedCache())(token)).toEqual(inactive)
  })

  it('is told once, for as long as the token lives', async () => {
    const cache = new FakeSharedCache()
    const token = await makeToken()
    await sharing(cache)(token)
    await sharing(cache)(token)
    expect(cache.sets.map(({ ttlMs }) => ttlMs)).toEqual([(iat + 3600) * SECOND - now])
  })

  it('is not asked for a signature that is verified sooner than that', async () => {
    const cache = new FakeSharedCache()
    known.set(keys.RS256.keyID, { ...keys.RS256.publicJwk, sub: subject })
    expect(await sharing(cache)(await makeToken({ key: keys.RS256 }))).toMatchObject({ active: true })
    expect(cache.sets).toEqual([])
  })

  it('cannot be used to make a forged token good, or a good one bad', async () => {
    const cache = new FakeSharedCache()
    const token = await makeToken()
    const forged = `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}`
    await sharing(cache)(token)
    const [entry] = cache.entries
    const everywhere = (value: string) => {
      cache.get = () => Promise.resolve(value)
    }
    for (const value of [entry?.[1] ?? '', '', '1', 'true', 'é'.repeat(43), 'A'.repeat(43), '{"active":true}']) {
      everywhere(value)
      expect(await sharing(cache)(forged)).toEqual(inactive)
      expect(await sharing(cache)(token)).toMatchObject({ active: true })
    }
  })

  it('is worth nothing under another secret, or none', async () => {
    const cache = new FakeSharedCache()
    const token = await makeToken()
    await sharing(cache, Buffer.from('of another program'))(token)
    known.set(bound.kid, { ...keys.other.publicJwk, kid: bound.kid, sub: subject })
    expect(await sharing(cache)(token)).toEqual(inactive)
    expect(await sharing(cache, undefined)(token)).toEqual(inactive)
  })

  it('follows the secret: what is told under the new one is believed, and what was under the old no more', async () => {
    const cache = new FakeSharedCache()
    const [old, fresh] = [Buffer.from('old'), Buffer.from('fresh')]
    let secret: Uint8Array = old
    const ask = endpoint({ shared: new SharedVerifications({ cache, secret: () => secret }) })
    await ask(await makeToken({ claims: { jti: 'before' } }))
    secret = fresh
    const [before, after] = [
      await makeToken({ claims: { jti: 'before' } }),
      await makeToken({ claims: { jti: 'after' } }),
    ]
    await sharing(cache, old)(before)
    await sharing(cache, fresh)(after)
    // A key that verifies nothing: what is live now has been vouched for.
    known.set(bound.kid, { ...keys.other.publicJwk, kid: bound.kid, sub: subject })
    expect(await ask(before)).toEqual(inactive)
    expect(await ask(after)).toMatchObject({ active: true })
  })

  it('does not spare a token the judgement of its claims, its key and what is revoked', async () => {
    const cache = new FakeSharedCache()
    const token = await makeToken()
    await sharing(cache)(token)
    revocations.set({ sub: subject, jti: 'token-1', exp: iat + 9000 })
    expect(await sharing(cache)(token)).toEqual(inactive)
    revocations.set()
    clock.advance(2 * HOUR)
    expect(await sharing(cache)(token)).toEqual(inactive)
  })

  it('is not waited for', async () => {
    const cache = new FakeSharedCache()
    cache.delayMs = undefined
    expect(await sharing(cache)(await makeToken())).toMatchObject({ active: true })
  })
})
