import { describe, expect, it } from 'vitest'
import { type Revocation, RevocationSet } from '../../src/tokens/revocation.ts'

const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
const other = 'spiffe://cluster.local/ns/shop/sa/payments'
const token = (claims: Partial<{ sub: string; jti: string; iat: number }> = {}, keyID = 'key-1') => ({
  keyID,
  claims: { sub, jti: 'token-1', iat: 1000, ...claims },
})
const set = (...revocations: Omit<Revocation, 'exp'>[]) =>
  new RevocationSet(revocations.map((one) => ({ ...one, exp: 9000 })))

describe('a set of revocations', () => {
  it('has nothing when it is empty', () => {
    expect(set().has(token())).toBe(false)
  })

  it('knows a token by its ID', () => {
    const revoked = set({ sub, jti: 'token-1' })
    expect(revoked.has(token())).toBe(true)
    expect(revoked.has(token({ jti: 'token-2' }))).toBe(false)
  })

  it('knows every token of a key', () => {
    const revoked = set({ sub, kid: 'key-1' })
    expect(revoked.has(token())).toBe(true)
    expect(revoked.has(token({}, 'key-2'))).toBe(false)
  })

  it('knows tokens issued before a time, the latest of several', () => {
    const revoked = set({ sub, issued_before: 1001 }, { sub, issued_before: 500 })
    expect(revoked.has(token())).toBe(true)
    expect(revoked.has(token({ iat: 1001 }))).toBe(false)
  })

  it('I8: means tokens of its own subject only', () => {
    const revoked = set({ sub, jti: 'token-1' }, { sub, kid: 'key-1' }, { sub, issued_before: 5000 })
    expect(revoked.has(token({ sub: other }))).toBe(false)
  })
})
