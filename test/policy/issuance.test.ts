import { describe, expect, it } from 'vitest'
import { issuanceProblem } from '../../src/policy/issuance.ts'

const usual = {
  subject: 'spiffe://cluster.local/ns/shop/sa/orders',
  trustDomain: 'cluster.local',
  audience: 'payments',
  scopes: [],
  allowedScopes: new Set(['read', 'write']),
}

describe('issuanceProblem', () => {
  it('lets every identity of the trust domain have a token for any audience', () => {
    expect(issuanceProblem(usual)).toBeUndefined()
    expect(issuanceProblem({ ...usual, audience: 'https://other.example' })).toBeUndefined()
  })

  it('refuses a subject that is not an identity of the trust domain', () => {
    for (const subject of ['spiffe://other/ns/shop/sa/orders', 'orders', '']) {
      expect(issuanceProblem({ ...usual, subject })?.parameter).toBe('audience')
    }
  })

  it('lets only scopes pass that are listed', () => {
    expect(issuanceProblem({ ...usual, scopes: ['write', 'read'] })).toBeUndefined()
    expect(issuanceProblem({ ...usual, scopes: ['read', 'admin'] })?.parameter).toBe('scope')
    expect(issuanceProblem({ ...usual, scopes: ['read'], allowedScopes: new Set() })?.parameter).toBe('scope')
  })
})
