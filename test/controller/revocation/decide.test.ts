import { describe, expect, it } from 'vitest'
import type { ServiceIdentity, ServiceIdentityStatus, TokenRevocationSpec } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { decide } from '../../../src/controller/revocation/decide.ts'
import { statusOf } from '../../../src/controller/revocation/status.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/time/duration.ts'
import { createdAt, tokenRevocation } from '../../builders/token-revocation.ts'

const removeAt = createdAt + 2 * HOUR
const key = (state: 'Active' | 'Revoked') => ({
  keyID: 'k1',
  state,
  ...(state === 'Revoked' ? { removeAt: formatTime(removeAt) } : {}),
})
const token = (differences: { keyID?: string; tokenID?: string; issuedAt?: string } = {}) => ({
  name: 'payments',
  audience: 'payments',
  keyID: 'k1',
  tokenID: 't1',
  issuedAt: formatTime(createdAt - 10 * MINUTE),
  expiresAt: formatTime(createdAt + 50 * MINUTE),
  renewAt: formatTime(createdAt),
  ...differences,
})
const identity = (status: ServiceIdentityStatus): ServiceIdentity => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name: 'orders', namespace: 'shop' },
  spec: {},
  status,
})
const judge = (
  revocation: ReturnType<typeof tokenRevocation>,
  status: ServiceIdentityStatus | undefined,
  now = createdAt + SECOND,
) => decide({ revocation, identity: status === undefined ? undefined : identity(status), now })
const latest = createdAt + 25 * HOUR

describe('the revocation of a key', () => {
  const revocation = tokenRevocation({ keyID: 'k1' })

  it('is on its way until the key is withdrawn and none of its tokens is mounted', () => {
    expect(judge(revocation, { keys: [key('Active')], tokens: [token()] })).toEqual({
      applied: false,
      reason: 'Applying',
      message: 'Key k1 is being removed from the JWK Set',
    })
    expect(judge(revocation, { keys: [key('Revoked')], tokens: [token()] })).toEqual({
      applied: false,
      reason: 'Applying',
      message: 'Key k1 has left the JWK Set, and the tokens that it signed are being replaced',
    })
  })

  it('is applied then, and expires when the ring forgets the key', () => {
    expect(judge(revocation, { keys: [key('Revoked')], tokens: [token({ keyID: 'k2' })] })).toEqual({
      applied: true,
      reason: 'Revoked',
      message: 'Key k1 has left the JWK Set, and no mounted token is signed by it',
      expiresAt: removeAt,
    })
  })

  it('says so where no such key is known, and goes when nothing issued before can be alive', () => {
    expect(judge(revocation, { keys: [], tokens: [] })).toEqual({
      applied: false,
      reason: 'KeyUnknown',
      message: 'Key k1 is not a key of ServiceIdentity orders, and verifies none of its tokens',
      expiresAt: latest,
    })
  })
})

describe('the revocation of a token', () => {
  const revocation = tokenRevocation({ tokenID: 't1' })

  it('is on its way while the token is mounted, and expires an hour after it', () => {
    expect(judge(revocation, { tokens: [token()] })).toEqual({
      applied: false,
      reason: 'Applying',
      message: 'Token t1 is being replaced',
      expiresAt: createdAt + 110 * MINUTE,
    })
  })

  it('is applied once the token is not mounted, and keeps the time that it knew', () => {
    const verdict = judge(revocation, { tokens: [token()] })
    const seen = { ...revocation, status: statusOf(revocation, verdict, createdAt) }
    expect(judge(seen, { tokens: [token({ tokenID: 't2' })] })).toEqual({
      applied: true,
      reason: 'Revoked',
      message: 'No mounted token of orders has the ID t1',
      expiresAt: createdAt + 110 * MINUTE,
    })
    expect(judge(revocation, { tokens: [] }).expiresAt).toBe(latest)
  })
})

describe('the revocation of everything before a time', () => {
  it('is on its way while an older token is mounted, and expires 25 hours after the time', () => {
    const before = createdAt - MINUTE
    const revocation = tokenRevocation({ issuedBefore: formatTime(before) })
    const expiresAt = before + 25 * HOUR
    expect(judge(revocation, { tokens: [token()] })).toEqual({
      applied: false,
      reason: 'Applying',
      message: 'Tokens issued before 2026-05-31T23:59:00Z are being replaced',
      expiresAt,
    })
    expect(judge(revocation, { tokens: [token({ issuedAt: formatTime(before) })] })).toEqual({
      applied: true,
      reason: 'Revoked',
      message: 'No mounted token of orders was issued before 2026-05-31T23:59:00Z',
      expiresAt,
    })
  })

  it('stays for an hour where the time is long past, so that it can be read', () => {
    const revocation = tokenRevocation({ issuedBefore: '2020-01-01T00:00:00Z' })
    expect(judge(revocation, { tokens: [] })).toMatchObject({ applied: true, expiresAt: createdAt + HOUR })
  })

  it('waits for a time that is ahead', () => {
    const ahead = createdAt + 30 * SECOND
    const revocation = tokenRevocation({ issuedBefore: formatTime(ahead) })
    expect(judge(revocation, { tokens: [] }, ahead - 1)).toMatchObject({
      applied: false,
      reason: 'NotYet',
      message: 'Waiting for 2026-06-01T00:00:30Z',
      lookAgainAt: ahead,
    })
    expect(judge(revocation, { tokens: [] }, ahead)).toMatchObject({ applied: true })
  })

  it('is refused for good where the time is more than a minute ahead, and left for the user to delete', () => {
    const revocation = tokenRevocation({ issuedBefore: formatTime(createdAt + HOUR) })
    for (const now of [createdAt, createdAt + 100 * HOUR]) {
      const verdict = judge(revocation, { tokens: [token()] }, now)
      expect(verdict).toMatchObject({ applied: false, reason: 'TooFarAhead' })
      expect(verdict).not.toHaveProperty('expiresAt')
    }
  })
})

describe('any revocation', () => {
  it.each<[Partial<TokenRevocationSpec>, number]>([
    [{ keyID: 'k1' }, latest],
    [{ tokenID: 't1' }, latest],
    [{ issuedBefore: '2026-05-31T00:00:00Z' }, createdAt + HOUR],
    [{ tokenID: 't1', tokenExpiresAt: '2026-06-01T01:00:00Z' }, createdAt + 65 * MINUTE],
  ])('of %j says that the identity is missing where it is, and until when it is kept', (spec, expiresAt) => {
    expect(judge(tokenRevocation(spec), undefined)).toEqual({
      applied: false,
      reason: 'IdentityMissing',
      message: 'ServiceIdentity orders does not exist in this namespace, so none of its tokens verify',
      expiresAt,
    })
  })

  it('stays applied once it is, whatever happens to the key ring and the identity later', () => {
    const revocation = tokenRevocation({ keyID: 'k1' })
    const verdict = judge(revocation, { keys: [key('Revoked')], tokens: [] })
    const applied = { ...revocation, status: statusOf(revocation, verdict, createdAt) }
    expect(judge(applied, { keys: [], tokens: [] })).toEqual(verdict)
    expect(judge(applied, undefined)).toEqual(verdict)
  })
})
