import { describe, expect, it } from 'vitest'
import { spiffeBundle } from '../../../src/authority/documents/spiffe-bundle.ts'
import { algorithms } from '../../../src/keys/algorithm.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const subject = 'spiffe://cluster.local/ns/shop/sa/orders'
const all = algorithms.map((algorithm) => ({ ...keys[algorithm].publicJwk, sub: subject }))
const parse = (text: string) => JSON.parse(text) as { keys: Record<string, string>[] } & Record<string, unknown>

describe('spiffeBundle', () => {
  it('says what the standard wants and nothing else', () => {
    const { kty, crv, x, y, kid } = keys.ES256.publicJwk
    expect(parse(spiffeBundle([{ ...keys.ES256.publicJwk, sub: subject }], 42))).toEqual({
      keys: [{ kty, crv, x, y, kid, use: 'jwt-svid' }],
      spiffe_sequence: 42,
      spiffe_refresh_hint: 300,
    })
  })

  it('is a bundle without keys while there are none', () => {
    expect(parse(spiffeBundle([], 1)).keys).toEqual([])
  })

  it('is the same for keys in any order', () => {
    expect(spiffeBundle(all.toReversed(), 7)).toBe(spiffeBundle(all, 7))
    expect(parse(spiffeBundle(all, 7)).keys.map(({ kid }) => kid)).toEqual(all.map(({ kid }) => kid).sort())
  })

  it('I3: has no member of a private key, whatever it is given', () => {
    const members = { EC: ['kty', 'crv', 'x', 'y'], OKP: ['kty', 'crv', 'x'], RSA: ['kty', 'n', 'e'] }
    const given = algorithms.map((algorithm) => ({ ...keys[algorithm].privateJwk, ...keys[algorithm].publicJwk }))
    for (const jwk of parse(spiffeBundle(given, 1)).keys) {
      expect(Object.keys(jwk)).toEqual([...members[jwk['kty'] as keyof typeof members], 'kid', 'use'])
    }
  })
})
