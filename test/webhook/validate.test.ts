import { describe, expect, it } from 'vitest'
import { parseAdmissionReview } from '../../src/webhook/admission-review.ts'
import { validateServiceIdentity } from '../../src/webhook/validate.ts'
import { identityReviewOf, reviewOf } from '../builders/admission-review.ts'

const settings = { nudge: 'Never', allowedClaims: ['team'] } as const
const judge = (review: unknown) =>
  validateServiceIdentity(parseAdmissionReview(Buffer.from(JSON.stringify(review))), settings)

describe('validateServiceIdentity', () => {
  it('allows what the installation can do', () => {
    const spec = { tokens: [{ name: 'a', lifetime: '15m', claims: { team: 'checkout' } }, { name: 'b' }] }
    for (const operation of ['CREATE', 'UPDATE']) {
      expect(judge(identityReviewOf(spec, { operation }))).toEqual({ allowed: true })
    }
    expect(judge(identityReviewOf({}))).toEqual({ allowed: true })
    expect(judge(identityReviewOf(undefined))).toEqual({ allowed: true })
    expect(judge(identityReviewOf({ tokens: null }))).toEqual({ allowed: true })
  })

  it('warns of a key that is published for less time than verifiers keep a JWK Set', () => {
    const verdict = judge(identityReviewOf({ signingKey: { publishAhead: '19m59s' } }))
    expect(verdict).toEqual({ allowed: true, warnings: [expect.stringMatching(/publishAhead: 19m59s is under 20m/)] })
    expect(judge(identityReviewOf({ signingKey: { publishAhead: '20m' } }))).toEqual({ allowed: true })
    expect(judge(identityReviewOf({ signingKey: {} }))).toEqual({ allowed: true })
  })

  it('denies with everything that is wrong at once', () => {
    const spec = { tokens: [{ name: 'a', lifetime: '10m', claims: { groups: ['admin'], team: { a: 1 } } }] }
    for (const operation of ['CREATE', 'UPDATE']) {
      const verdict = judge(identityReviewOf(spec, { operation }))
      if (verdict.allowed) throw new Error('allowed')
      expect(verdict.causes?.map(({ field }) => field)).toEqual([
        'spec.tokens[0].lifetime',
        'spec.tokens[0].claims.groups',
        'spec.tokens[0].claims.team',
      ])
      expect(verdict.message).toBe(verdict.causes?.map(({ field, message }) => `${field}: ${message}`).join('; '))
      expect(verdict.of).toEqual({ group: 'signet.dev', kind: 'ServiceIdentity', name: 'orders' })
    }
  })

  it('has no say in other operations, subresources and kinds', () => {
    const spec = { tokens: [{ name: 'a', lifetime: '10m' }] }
    const kind = { group: 'signet.dev', version: 'v1alpha1', kind: 'AccessPolicy' }
    expect(judge(identityReviewOf(spec, { operation: 'DELETE' }))).toEqual({ allowed: true })
    expect(judge(identityReviewOf(spec, { subResource: 'status' }))).toEqual({ allowed: true })
    expect(judge(identityReviewOf(spec, { kind }))).toEqual({ allowed: true })
    expect(judge(reviewOf())).toEqual({ allowed: true })
  })

  it('denies what cannot be a spec', () => {
    const forms = [
      [],
      'x',
      { tokens: {} },
      { tokens: [7] },
      { tokens: [{ lifetime: 7 }] },
      { tokens: [{ claims: [] }] },
      { signingKey: [] },
      { signingKey: { publishAhead: 7 } },
    ]
    for (const spec of forms) expect(judge(identityReviewOf(spec))).toMatchObject({ allowed: false })
  })
})
