import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServiceIdentitySpec } from '../../../src/api/v1alpha1/types.ts'
import { type SpecSettings, violationsOf } from '../../../src/api/v1alpha1/validate.ts'
import { extraClaimsProblem, reservedClaims } from '../../../src/tokens/claims.ts'

const open: SpecSettings = { nudge: 'Urgent', allowedClaims: ['team', 'tier'] }
const messages = (spec: ServiceIdentitySpec, settings = open) =>
  violationsOf(spec, settings).map(({ message }) => message)
const claims = (value: Record<string, unknown>, settings = open) =>
  messages({ tokens: [{ name: 'a', claims: value }] }, settings)

describe('violationsOf', () => {
  it('finds nothing in an empty spec', () => {
    expect(messages({})).toEqual([])
    expect(messages({ tokens: [{ name: 'a' }] }, { nudge: 'Never', allowedClaims: [] })).toEqual([])
  })

  it('refuses lifetimes under 15m where pods are never nudged', () => {
    const tokens = ['5m', '14m59s', '15m', '1h'].map((lifetime) => ({ name: 'a', lifetime }))
    const never = { ...open, nudge: 'Never' } as const
    expect(violationsOf({ tokens }, never).map(({ field }) => field)).toEqual([
      'spec.tokens[0].lifetime',
      'spec.tokens[1].lifetime',
    ])
    expect(messages({ tokens }, never)[0]).toBe(
      'spec.tokens[0].lifetime: 5m is under 15m, and without nudging a renewed token reaches its file too late: ' +
        "choose 15m or more, or set the chart's nudge to Urgent",
    )
    for (const nudge of ['Urgent', 'Always'] as const) expect(messages({ tokens }, { ...open, nudge })).toEqual([])
  })

  it('refuses claims that the installation does not allow, naming field, claim and remedy', () => {
    expect(claims({ team: 'a', groups: ['x'], tier: 1 })).toEqual([
      `spec.tokens[0].claims.groups: claim "groups" is not allowed here: add it to the chart's allowedClaims`,
    ])
    expect(claims({ 'https://example.com/role': 'x' })).toEqual([
      'spec.tokens[0].claims["https://example.com/role"]: claim "https://example.com/role" is not allowed here: ' +
        "add it to the chart's allowedClaims",
    ])
  })

  it('refuses reserved claims, whatever the installation allows', () => {
    for (const claim of [...reservedClaims, '__proto__']) {
      expect(
        claims(JSON.parse(`{"${claim}":"x"}`) as Record<string, unknown>, { ...open, allowedClaims: [claim] }),
      ).toEqual([`spec.tokens[0].claims.${claim}: claim "${claim}" is reserved: remove it`])
    }
  })

  it('refuses values that are no strings, numbers, booleans or lists of strings, without quoting them', () => {
    const wrong: readonly [unknown, string][] = [
      [null, 'null'],
      [{ a: 'secret' }, 'an object'],
      [['secret', 1], 'a list of other values than well-formed strings'],
      ['secret\ud800', 'not a well-formed string'],
      [Number.POSITIVE_INFINITY, 'not a well-formed number'],
    ]
    for (const [team, kind] of wrong) {
      expect(claims({ team })).toEqual([
        `spec.tokens[0].claims.team: claim "team" is ${kind}: use a string, number, boolean or list of strings`,
      ])
    }
    for (const team of ['x', '', 1.5, false, [], ['a', 'b']]) expect(claims({ team })).toEqual([])
  })

  it('refuses more than 4 KiB of claims', () => {
    const size = Buffer.byteLength('{"team":""}')
    expect(claims({ team: 'x'.repeat(4096 - size) })).toEqual([])
    expect(claims({ team: 'x'.repeat(4097 - size) })).toEqual([
      'spec.tokens[0].claims: claims have 4097 bytes as JSON, more than 4096: remove or shorten some',
    ])
    expect(claims({ team: 'ä'.repeat(2048) })).toHaveLength(1)
  })

  it('bounds what a message repeats of a claim name', () => {
    const [message = ''] = claims({ ['x'.repeat(4000)]: 1 })
    expect(message.length).toBeLessThan(300)
  })

  it('finds what is wrong in every token', () => {
    const tokens = [
      { name: 'a', claims: { groups: 'x' } },
      { name: 'b' },
      { name: 'c', claims: { sub: 'y', groups: 1 } },
    ]
    expect(violationsOf({ tokens }, open).map(({ field }) => field)).toEqual([
      'spec.tokens[0].claims.groups',
      'spec.tokens[2].claims.sub',
      'spec.tokens[2].claims.groups',
    ])
  })

  it('stops after 20 violations and says that there are more, without looking at the rest', () => {
    const wrong = (count: number) => Array.from({ length: count }, () => ({ name: 'a', claims: { groups: 'x' } }))
    expect(messages({ tokens: wrong(20) })).toHaveLength(20)
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`c${index}`, 1]))
    for (const tokens of [wrong(21), [{ name: 'a', claims: many }]]) {
      expect(messages({ tokens })).toHaveLength(21)
      expect(messages({ tokens }).at(-1)).toBe('spec.tokens: and more')
    }
    const unread = {
      name: 'z',
      get claims(): Record<string, unknown> {
        throw new Error('checked')
      },
    }
    expect(messages({ tokens: [...wrong(21), unread] })).toHaveLength(21)
  })

  it('allows exactly the claims that a token can be minted with', () => {
    const names = fc.constantFrom('team', 'tier', 'groups', 'sub', '__proto__')
    fc.assert(
      fc.property(fc.dictionary(names, fc.oneof(fc.jsonValue(), fc.constant('x'.repeat(4090)))), (value) => {
        const wellFormed = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
        expect(claims(wellFormed).length > 0).toBe(extraClaimsProblem(wellFormed, open.allowedClaims) !== undefined)
      }),
      { numRuns: 500 },
    )
  })
})
