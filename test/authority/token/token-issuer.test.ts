import { beforeEach, describe, expect, it } from 'vitest'
import type { IssuingKey } from '../../../src/authority/token/issuing-keys.ts'
import type { IssuanceRequest } from '../../../src/authority/token/token-issuer.ts'
import { TokenIssuer } from '../../../src/authority/token/token-issuer.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import type { IssuerScope } from '../../../src/identity/issuer.ts'
import { createSigner } from '../../../src/keys/signer.ts'
import type { SigningKey } from '../../../src/keys/signing-key.ts'
import { type Revocation, RevocationSet } from '../../../src/tokens/revocation.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { ourIssuer } from '../../builders/account-token.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const start = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

function issuingKey({ keyID, publicJwk, privateJwk }: SigningKey): IssuingKey {
  const { sub: _sub, ...unbound } = publicJwk
  return { signer: createSigner({ keyID, algorithm: publicJwk.alg, privateJwk }), publicJwk: unbound }
}

let now: number
let key: IssuingKey | undefined
let revoked: readonly Revocation[]
let ready: boolean

beforeEach(() => {
  now = start
  key = issuingKey(keys.ES256)
  revoked = []
  ready = true
})

function create(issuerScope: IssuerScope = 'cluster', reusedBytes?: number): TokenIssuer {
  return new TokenIssuer({
    issuer: ourIssuer,
    issuerScope,
    lifetimeMs: 5 * MINUTE,
    keys: { active: () => key },
    revocations: { has: (one) => new RevocationSet(revoked).has(one), ready: () => ready },
    clock: { now: () => now, monotonic: () => now },
    ...(reusedBytes === undefined ? {} : { reusedBytes }),
  })
}

function wanted(
  different: Partial<IssuanceRequest> = {},
  expiresAt = start + HOUR,
  { namespace = 'shop', name = 'orders' } = {},
): IssuanceRequest {
  const caller = {
    identity: { namespace, name },
    subject: `spiffe://cluster.local/ns/${namespace}/sa/${name}`,
    credential: 'service-account-token' as const,
    expiresAt,
  }
  return { caller, profile: 'AccessToken', audience: 'payments', scope: '', ...different }
}

function read(token: string, issuer = ourIssuer, audience = 'payments') {
  const key = keys.ES256.publicJwk
  const { sub: _sub, ...unbound } = key
  return verifyTokenSync(token, { keys: () => unbound, issuer, audience, now, skewMs: 0 })
}

describe('TokenIssuer', () => {
  it('issues an access token that says what was proved and granted (RFC 9068 §2.2)', async () => {
    const { token, expiresIn, reused } = await create().issue(wanted({ scope: 'read write' }))
    const { header, claims } = read(token)
    const iat = Math.floor(start / 1000)
    expect([expiresIn, reused]).toEqual([300, false])
    expect(header).toEqual({ alg: 'ES256', kid: keys.ES256.keyID, typ: 'at+jwt' })
    expect(claims).toEqual({
      iss: ourIssuer,
      sub: subject,
      aud: 'payments',
      iat,
      nbf: iat,
      exp: iat + 300,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) as string,
      client_id: subject,
      scope: 'read write',
    })
  })

  it('issues a JWT-SVID where that is asked for', async () => {
    const { token } = await create().issue(wanted({ profile: 'JWT-SVID' }))
    const { header, claims } = read(token)
    expect([header.typ, claims.client_id, claims.aud]).toEqual(['JWT', undefined, 'payments'])
  })

  it.each<[IssuerScope, string]>([
    ['cluster', ''],
    ['namespace', '/ns/shop'],
    ['identity', '/ns/shop/sa/orders'],
  ])('names the issuer of the scope %s', async (scope, path) => {
    const { token } = await create(scope).issue(wanted())
    expect(read(token, `${ourIssuer}${path}`).claims.iss).toBe(`${ourIssuer}${path}`)
  })

  it('never lets a token outlive the proof', async () => {
    const { token, expiresIn } = await create().issue(wanted({}, start + 90_500))
    expect(read(token).claims.exp * 1000).toBeLessThanOrEqual(start + 90_500)
    expect(expiresIn).toBe(91)
  })

  it('issues nothing for a proof that is about to end', async () => {
    const answer = create().issue(wanted({}, start + 100))
    await expect(answer).rejects.toMatchObject({ error: 'invalid_request', reason: 'expiring' })
  })

  it('I6: issues nothing without a key, or before revocations are read', async () => {
    const issuer = create()
    ready = false
    await expect(issuer.issue(wanted())).rejects.toMatchObject({ error: 'temporarily_unavailable', retryAfter: 2 })
    ready = true
    key = undefined
    await expect(issuer.issue(wanted())).rejects.toMatchObject({ error: 'temporarily_unavailable', retryAfter: 2 })
  })
})

describe('a token that is there already', () => {
  it('is given out again in the first quarter of its life, and says what is left', async () => {
    const issuer = create()
    const first = await issuer.issue(wanted())
    now = Math.floor(start / 1000) * SECOND + 75 * SECOND - 1
    expect(await issuer.issue(wanted())).toEqual({ ...first, expiresIn: 226, reused: true })
    now += 1
    const second = await issuer.issue(wanted())
    expect([second.reused, second.token === first.token, second.expiresIn]).toEqual([false, false, 300])
  })

  it('is given out for the very same only', async () => {
    const issuer = create()
    const tokens = [
      await issuer.issue(wanted()),
      await issuer.issue(wanted({ audience: 'other' })),
      await issuer.issue(wanted({ scope: 'read' })),
      await issuer.issue(wanted({ scope: 'read write' })),
      await issuer.issue(wanted({ profile: 'JWT-SVID' })),
      await issuer.issue(wanted({}, start + HOUR, { name: 'payments' })),
      await issuer.issue(wanted({}, start + HOUR, { namespace: 'billing' })),
      await issuer.issue(wanted({ audience: 'payments\nread' })),
    ]
    expect(tokens.filter(({ reused }) => reused)).toEqual([])
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(tokens.length)
  })

  it('is not given out to a proof that it outlives', async () => {
    const issuer = create()
    await issuer.issue(wanted())
    const { reused, token } = await issuer.issue(wanted({}, start + 4 * MINUTE))
    expect(reused).toBe(false)
    expect(read(token).claims.exp * 1000).toBeLessThanOrEqual(start + 4 * MINUTE)
  })

  it('I5: is not given out once it is revoked, by its ID or its time', async () => {
    const exp = start / 1000 + 3600
    for (const revocation of [
      (jti: string) => ({ sub: subject, jti, exp }),
      () => ({ sub: subject, issued_before: Math.floor(start / 1000) + 5, exp }),
    ]) {
      now = start
      revoked = []
      const issuer = create()
      const first = await issuer.issue(wanted())
      revoked = [revocation(read(first.token).claims.jti)]
      now = start + 10 * SECOND
      const { reused, token } = await issuer.issue(wanted())
      expect([reused, token === first.token]).toEqual([false, false])
    }
  })

  it('I5: is not replaced by one that is revoked as well, of a time to come or a key', async () => {
    const issuer = create()
    revoked = [{ sub: subject, issued_before: Math.floor(start / 1000) + 60, exp: start / 1000 + 3600 }]
    await expect(issuer.issue(wanted())).rejects.toMatchObject({ error: 'temporarily_unavailable' })
    revoked = [{ sub: subject, kid: keys.ES256.keyID, exp: start / 1000 + 3600 }]
    await expect(issuer.issue(wanted())).rejects.toMatchObject({ error: 'temporarily_unavailable' })
  })

  it('is not given out once another key signs', async () => {
    const issuer = create()
    await issuer.issue(wanted())
    key = issuingKey(keys.other)
    expect((await issuer.issue(wanted())).reused).toBe(false)
  })

  it('is not given out by a clock that has gone back behind its beginning', async () => {
    const issuer = create()
    await issuer.issue(wanted())
    now = start - 10 * SECOND
    expect((await issuer.issue(wanted())).reused).toBe(false)
  })

  it('is forgotten where there are too many', async () => {
    const issuer = create('cluster', 10_000)
    for (let count = 0; count < 20; count += 1) await issuer.issue(wanted({ audience: `a${count}` }))
    expect((await issuer.issue(wanted({ audience: 'a19' }))).reused).toBe(true)
    expect((await issuer.issue(wanted({ audience: 'a0' }))).reused).toBe(false)
  })
})
