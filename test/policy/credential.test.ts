import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/time/duration.ts'
import { type IssuedToken, mintReason, tokenRenewAt, type WantedToken } from '../../src/policy/credential.ts'
import { subject } from '../builders/keys.ts'

const start = 1_800_000_000_000
const issuer = 'https://signet-authority.signet-system.svc'
const wanted: WantedToken = { name: 'payments', audience: 'payments', lifetime: HOUR, profile: 'JWT-SVID', claims: {} }
const token: IssuedToken = {
  issuer,
  subject,
  audience: 'payments',
  profile: 'JWT-SVID',
  keyID: 'k1',
  tokenID: 't1',
  notBefore: start,
  notAfter: start + HOUR,
  claims: {},
}
const why = (differences: Partial<IssuedToken>, now = start + 1, asked: Partial<WantedToken> = {}) =>
  mintReason({
    wanted: { ...wanted, ...asked },
    found: { state: 'issued', token: { ...token, ...differences } },
    issuer,
    subject,
    now,
  })

describe('a mounted token', () => {
  it('is minted where there is none or where what is there cannot be used', () => {
    expect(mintReason({ wanted, found: { state: 'absent' }, issuer, subject, now: start })?.reason).toBe('Missing')
    const found = { state: 'unusable', reason: 'KeyGone' } as const
    expect(mintReason({ wanted, found, issuer, subject, now: start })?.reason).toBe('KeyGone')
  })

  it('is kept while it is fresh and as the spec wants it', () => {
    expect(why({})).toBeUndefined()
    expect(why({ claims: { a: 1, b: ['x'] } }, start, { claims: { b: ['x'], a: 1 } })).toBeUndefined()
  })

  it.each([
    ['audience', { audience: 'ledger' }],
    ['issuer', { issuer: 'https://other.example' }],
    ['subject', { subject: 'spiffe://cluster.local/ns/shop/sa/other' }],
    ['profile', { profile: 'AccessToken' }],
    ['lifetime', { notAfter: start + 2 * HOUR }],
    ['claims', { claims: { team: 'checkout' } }],
  ])('is minted anew when it differs in %s, and says so', (field, differences) => {
    expect(why(differences)).toEqual({ reason: 'SpecChanged', message: `Token payments differs in ${field}` })
  })

  it('I2: is renewed between 40 and 50 % of its lifetime, at the same moment for every reader', () => {
    const due = tokenRenewAt(token, 'payments', subject)
    expect(due).toBeGreaterThanOrEqual(start + 0.4 * HOUR)
    expect(due).toBeLessThanOrEqual(start + 0.5 * HOUR)
    expect(why({}, due - 1)).toBeUndefined()
    expect(why({}, due)?.reason).toBe('Renewing')
  })

  it('I2: leaves two minutes of the shortest lifetime for the way into the pod', () => {
    for (let index = 0; index < 1000; index += 1) {
      const short = { ...token, notAfter: start + 5 * MINUTE }
      expect(short.notAfter - tokenRenewAt(short, `token-${index}`, subject)).toBeGreaterThanOrEqual(2.5 * MINUTE)
    }
  })

  it('is minted anew when its ID is revoked, or when it was issued before a time that is, and not otherwise', () => {
    const judge = (revoked: Parameters<typeof mintReason>[0]['revoked']) =>
      mintReason({
        wanted,
        found: { state: 'issued', token },
        issuer,
        subject,
        now: start + 1,
        ...(revoked && { revoked }),
      })
    const none = new Set<string>()
    expect(judge({ tokenIDs: new Set(['t1']) })).toEqual({
      reason: 'Revoked',
      message: 'Token payments with the ID t1 is revoked',
    })
    expect(judge({ tokenIDs: none, issuedBefore: start + 1 })?.reason).toBe('Revoked')
    expect(judge({ tokenIDs: none, issuedBefore: start })).toBeUndefined()
    expect(judge({ tokenIDs: new Set(['t2']) })).toBeUndefined()
    expect(judge(undefined)).toBeUndefined()
  })

  it('is minted anew when it comes from the future, as after a clock that was set back', () => {
    expect(why({ notBefore: start + HOUR, notAfter: start + 2 * HOUR }, start)?.reason).toBe('Unusable')
    expect(why({ notBefore: start + MINUTE, notAfter: start + MINUTE + HOUR }, start)).toBeUndefined()
    expect(why({ notBefore: start + MINUTE + 1, notAfter: start + MINUTE + 1 + HOUR }, start)?.reason).toBe('Unusable')
  })
})
