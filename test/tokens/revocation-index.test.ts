import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Revocation, RevocationSet } from '../../src/tokens/revocation.ts'
import { RevocationIndex } from '../../src/tokens/revocation-index.ts'

const few = (prefix: string) => fc.constantFrom(`${prefix}1`, `${prefix}2`, `${prefix}3`)
const revocation: fc.Arbitrary<Revocation> = fc.oneof(
  fc.record({ sub: few('s'), jti: few('t'), exp: fc.constant(9000) }),
  fc.record({ sub: few('s'), kid: few('k'), exp: fc.constant(9000) }),
  fc.record({ sub: few('s'), issued_before: fc.constantFrom(10, 20, 30), exp: fc.constant(9000) }),
)
const revocable = fc.record({
  keyID: few('k'),
  claims: fc.record({ sub: few('s'), jti: few('t'), iat: fc.constantFrom(5, 10, 15, 20, 25, 30) }),
})

describe('an index of revocations', () => {
  it('I5: says after any additions and removals what a set of those that are left says', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(revocation, fc.boolean())), fc.array(revocable, { minLength: 5 }), (all, asked) => {
        const index = new RevocationIndex()
        for (const [one] of all) index.add(one)
        for (const [one, stays] of all) if (!stays) index.remove({ ...one })
        const set = new RevocationSet(all.filter(([, stays]) => stays).map(([one]) => one))
        for (const token of asked) expect(index.has(token)).toBe(set.has(token))
      }),
    )
  })

  it('takes nothing away that was never added', () => {
    const index = new RevocationIndex()
    index.remove({ sub: 's', jti: 't', exp: 1 })
    index.add({ sub: 's', jti: 't', exp: 1 })
    index.remove({ sub: 's', kid: 'k', exp: 1 })
    expect(index.has({ keyID: 'k', claims: { sub: 's', jti: 't', iat: 1 } })).toBe(true)
  })
})
