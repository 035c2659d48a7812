import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/time/duration.ts'
import { checkClaims, type ClaimExpectations } from '../../src/tokens/check-claims.ts'
import { issuer, now, subject } from '../builders/token.ts'

const iat = now / SECOND - 60
const good: Record<string, unknown> = {
  iss: issuer,
  sub: subject,
  aud: 'payments',
  iat,
  nbf: iat,
  exp: iat + 3600,
  jti: 'token-1',
}
const expected: ClaimExpectations = { issuer, audience: 'payments', now }

const check =
  (claims: Record<string, unknown>, different: Partial<ClaimExpectations> = {}) =>
  () =>
    checkClaims({ ...good, ...claims }, { ...expected, ...different })
const refused = (code: string, claim: string) => expect.objectContaining({ code, claim }) as Error

describe('checkClaims', () => {
  it('hands back the claims it has checked', () => {
    expect(check({ team: 'x' })()).toEqual({ ...good, team: 'x' })
  })

  it('does without nbf', () => {
    expect(check({ nbf: undefined })).not.toThrow()
  })

  const texts: unknown[] = [undefined, null, '', 1, true, ['x'], { x: 1 }, 'x'.repeat(2049), '\ud800']
  it.each(['iss', 'sub', 'jti'])('refuses %s that is missing or not a valid string', (claim) => {
    for (const value of texts) expect(check({ [claim]: value })).toThrow(refused('ERR_TOKEN_CLAIM', claim))
  })

  it.each(['iat', 'exp'])('refuses %s that is missing or not a NumericDate', (claim) => {
    for (const value of [
      undefined,
      null,
      '1700000000',
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1e300,
      true,
      [1],
      {},
    ]) {
      expect(check({ [claim]: value })).toThrow(refused('ERR_TOKEN_CLAIM', claim))
    }
  })

  it('accepts every claim at its limits', () => {
    const longest = 'x'.repeat(2048)
    expect(check({ jti: longest, aud: [longest] }, { audience: longest })).not.toThrow()
    expect(check({ aud: Array.from({ length: 16 }, () => 'payments') })).not.toThrow()
    const latest = Number.MAX_SAFE_INTEGER / SECOND
    expect(check({ iat: 0, nbf: 0, exp: latest }, { maxLifetimeMs: Number.POSITIVE_INFINITY })).not.toThrow()
    expect(check({ exp: latest + 1 })).toThrow(refused('ERR_TOKEN_CLAIM', 'exp'))
  })

  it('refuses nbf that is not a time', () => {
    for (const value of [null, '0', -1, [0]]) expect(check({ nbf: value })).toThrow(refused('ERR_TOKEN_CLAIM', 'nbf'))
  })

  it('refuses aud that is missing or not a list of strings', () => {
    const wrong = [
      undefined,
      null,
      '',
      1,
      [],
      [''],
      ['payments', 1],
      [['payments']],
      { payments: true },
      'x'.repeat(2049),
    ]
    for (const aud of [...wrong, Array.from({ length: 17 }, () => 'payments')]) {
      expect(check({ aud })).toThrow(refused('ERR_TOKEN_CLAIM', 'aud'))
      expect(check({ aud }, { audience: undefined })).toThrow(refused('ERR_TOKEN_CLAIM', 'aud'))
    }
  })

  it('judges the types before what the claims say', () => {
    expect(check({ iss: 'https://other.example', jti: 1 })).toThrow(refused('ERR_TOKEN_CLAIM', 'jti'))
  })

  it.each(['https://other.example', `${issuer}/`, issuer.toUpperCase(), `${issuer} `])(
    'refuses the issuer %s',
    (iss) => {
      expect(check({ iss })).toThrow(refused('ERR_TOKEN_ISSUER', 'iss'))
    },
  )

  it('accepts an audience among several, and refuses all others', () => {
    expect(check({ aud: ['ledger', 'payments'] })).not.toThrow()
    for (const aud of ['ledger', ['ledger'], 'Payments', 'payments ', 'pay', 'payments,ledger']) {
      expect(check({ aud })).toThrow(refused('ERR_TOKEN_AUDIENCE', 'aud'))
    }
    expect(check({ aud: 'ledger' }, { audience: undefined })).not.toThrow()
    expect(check({}, { audience: '' })).toThrow(refused('ERR_TOKEN_AUDIENCE', 'aud'))
  })

  it('I1: accepts a token until it expires and no longer, give or take the skew', () => {
    const exp = (iat + 3600) * SECOND
    expect(check({}, { now: exp - 1, skewMs: 0 })).not.toThrow()
    expect(check({}, { now: exp, skewMs: 0 })).toThrow(refused('ERR_TOKEN_EXPIRED', 'exp'))
    expect(check({}, { now: exp + MINUTE - 1 })).not.toThrow()
    expect(check({}, { now: exp + MINUTE })).toThrow(refused('ERR_TOKEN_EXPIRED', 'exp'))
  })

  it('accepts a token from when it was issued, give or take the skew', () => {
    for (const claim of ['iat', 'nbf']) {
      const begins = now / SECOND + 60
      expect(check({ [claim]: begins })).not.toThrow()
      expect(check({ [claim]: begins + 0.001 })).toThrow(refused('ERR_TOKEN_NOT_YET_VALID', claim))
      expect(check({ [claim]: now / SECOND + 1 }, { skewMs: 0 })).toThrow(refused('ERR_TOKEN_NOT_YET_VALID', claim))
    }
  })

  it('accepts a lifetime of a day at most, or what the verifier says', () => {
    expect(check({ exp: iat + DAY / SECOND })).not.toThrow()
    expect(check({ exp: iat + DAY / SECOND + 1 })).toThrow(refused('ERR_TOKEN_LIFETIME', 'exp'))
    expect(check({}, { maxLifetimeMs: HOUR })).not.toThrow()
    expect(check({}, { maxLifetimeMs: HOUR - 1 })).toThrow(refused('ERR_TOKEN_LIFETIME', 'exp'))
  })

  it('refuses a token that expired when it was issued, or before', () => {
    expect(check({ iat: now / SECOND, exp: now / SECOND })).toThrow(refused('ERR_TOKEN_LIFETIME', 'exp'))
    expect(check({ iat: now / SECOND, exp: now / SECOND - 30 })).toThrow(refused('ERR_TOKEN_LIFETIME', 'exp'))
  })

  it.each([-1, MINUTE + 1, Number.NaN])('takes no skew of %s ms', (skewMs) => {
    expect(check({}, { skewMs })).toThrow(TypeError)
  })

  it('asks of a JWT-SVID a SPIFFE ID and one audience', () => {
    const profile = 'JWT-SVID'
    expect(check({}, { profile })).not.toThrow()
    expect(check({ aud: ['payments'] }, { profile })).not.toThrow()
    expect(check({ aud: ['payments', 'ledger'] }, { profile })).toThrow(refused('ERR_TOKEN_CLAIM', 'aud'))
    for (const sub of [
      'orders',
      'system:serviceaccount:shop:orders',
      'spiffe://CLUSTER.local/ns/a/sa/b',
      `${subject}/..`,
    ]) {
      expect(check({ sub }, { profile })).toThrow(refused('ERR_TOKEN_CLAIM', 'sub'))
      expect(check({ sub })).not.toThrow()
    }
  })

  it('asks of an access token its client', () => {
    const profile = 'AccessToken'
    expect(check({ client_id: subject }, { profile })).not.toThrow()
    expect(check({}, { profile })).toThrow(refused('ERR_TOKEN_CLAIM', 'client_id'))
    for (const value of ['', 1, [subject], null]) {
      expect(check({ client_id: value })).toThrow(refused('ERR_TOKEN_CLAIM', 'client_id'))
    }
  })

  it('refuses a scope that is not a text', () => {
    expect(check({ scope: 'read write' })).not.toThrow()
    for (const scope of [['read'], null, 1]) expect(check({ scope })).toThrow(refused('ERR_TOKEN_CLAIM', 'scope'))
  })
})
