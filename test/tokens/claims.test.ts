import { describe, expect, it } from 'vitest'
import { HOUR } from '../../src/time/duration.ts'
import {
  buildClaims,
  type ClaimsInput,
  claimProblem,
  extraClaimsProblem,
  isAllowedClaimValue,
  maxExtraClaimsBytes,
  reservedClaims,
} from '../../src/tokens/claims.ts'

const input: ClaimsInput = {
  issuer: 'https://signet-authority.signet-system.svc',
  subject: 'spiffe://cluster.local/ns/shop/sa/orders',
  audience: 'payments',
  issuedAt: 1_700_000_000_999,
  lifetimeMs: HOUR + 999,
  tokenID: 'token-1',
  profile: 'JWT-SVID',
}

describe('buildClaims', () => {
  it('gives a JWT-SVID the claims of its profile in whole seconds', () => {
    expect(buildClaims(input)).toEqual({
      iss: input.issuer,
      sub: input.subject,
      aud: 'payments',
      iat: 1_700_000_000,
      nbf: 1_700_000_000,
      exp: 1_700_003_600,
      jti: 'token-1',
    })
  })

  it('gives an access token its client and scope', () => {
    const claims = buildClaims({ ...input, profile: 'AccessToken', scope: 'read write' })
    expect(claims).toMatchObject({ client_id: input.subject, scope: 'read write' })
    expect(buildClaims({ ...input, profile: 'AccessToken' })).not.toHaveProperty('scope')
  })

  it('adds extra claims last', () => {
    const claims = buildClaims({ ...input, extras: { team: 'checkout', groups: ['a', 'b'], tier: 2, canary: false } })
    expect(Object.keys(claims).slice(-4)).toEqual(['team', 'groups', 'tier', 'canary'])
  })

  it('refuses a scope on a JWT-SVID', () => {
    expect(() => buildClaims({ ...input, scope: 'read' })).toThrow(TypeError)
  })

  it.each([...reservedClaims])('never takes %s from the extras', (claim) => {
    expect(() => buildClaims({ ...input, extras: { [claim]: 'x' } })).toThrow(`claim "${claim}" is reserved`)
  })
})

describe('isAllowedClaimValue', () => {
  it.each([
    ['a text', 'x'],
    ['no text', ''],
    ['a number', -1.5],
    ['a boolean', false],
    ['a list of texts', ['a', 'b']],
    ['an empty list', []],
  ])('allows %s', (_, value) => {
    expect(isAllowedClaimValue(value)).toBe(true)
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['nothing', undefined],
    ['an object', { a: 'b' }],
    ['a list of numbers', [1]],
    ['a list of lists', [['a']]],
    ['a mixed list', ['a', null]],
    ['an infinite number', Number.POSITIVE_INFINITY],
    ['no number', Number.NaN],
    ['half a character', '\ud800'],
  ])('refuses %s', (_, value) => {
    expect(isAllowedClaimValue(value)).toBe(false)
  })
})

describe('claimProblem', () => {
  it('gives admission and minting the same answer, where names are not limited', () => {
    expect(claimProblem('groups', 'x', ['team'])).toBe(
      `claim "groups" is not allowed here: add it to the chart's allowedClaims`,
    )
    expect(claimProblem('groups', 'x', 'any')).toBeUndefined()
    expect(extraClaimsProblem({ exp: 1 })?.message).toBe(claimProblem('exp', 1, ['exp']))
  })

  it('repeats at most 63 characters of a name', () => {
    expect(claimProblem('x'.repeat(4000), null, 'any')?.length).toBeLessThan(160)
  })
})

describe('extraClaimsProblem', () => {
  it('finds nothing wrong with allowed claims', () => {
    expect(extraClaimsProblem({ team: 'checkout' }, ['team'])).toBeUndefined()
    expect(extraClaimsProblem({}, [])).toBeUndefined()
  })

  it('lets 4 KiB pass and not a byte more', () => {
    const overhead = JSON.stringify({ team: '' }).length
    expect(extraClaimsProblem({ team: 'x'.repeat(maxExtraClaimsBytes - overhead) })).toBeUndefined()
    expect(extraClaimsProblem({ team: 'x'.repeat(maxExtraClaimsBytes - overhead + 1) })).toMatchObject({
      message: expect.stringContaining('4096') as string,
    })
    expect(extraClaimsProblem({ team: 'é'.repeat(maxExtraClaimsBytes / 2) })).toBeDefined()
  })

  it.each<[string, unknown, string | undefined]>([
    ['a name that the installation does not list', { groups: ['admin'] }, 'groups'],
    ['a reserved name, even when listed', { act: 'x' }, 'act'],
    ['a value of the wrong type', { team: { name: 'x' } }, 'team'],
    ['a member __proto__', JSON.parse('{"__proto__":"x"}'), '__proto__'],
    ['a list', ['team'], undefined],
    ['null', null, undefined],
  ])('names %s', (_, claims, claim) => {
    const problem = extraClaimsProblem(claims, ['team', 'act', '__proto__'])
    expect(problem?.message).toMatch(/^claim/)
    expect(problem?.claim).toBe(claim)
  })
})
