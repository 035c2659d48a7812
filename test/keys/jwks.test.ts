import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithms } from '../../src/keys/algorithm.ts'
import { maxJwksBytes, parseJwks, serializeJwks } from '../../src/keys/jwks.ts'
import { keys } from '../fixtures/keys/keys.ts'

const all = algorithms.map((algorithm) => keys[algorithm].publicJwk)
const ec = keys.ES256.publicJwk

describe('serializeJwks', () => {
  it('gives the same text whatever the order of keys and members', () => {
    const text = serializeJwks(all)
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
        const reversed = shuffled.map(
          (key) => Object.fromEntries(Object.entries(key).reverse()) as unknown as typeof key,
        )
        expect(serializeJwks(reversed)).toBe(text)
      }),
    )
  })

  it('is read back as the same keys, sorted by kid', () => {
    const sorted = [...all].sort((one, other) => (one.kid < other.kid ? -1 : 1))
    expect(parseJwks(serializeJwks(all))).toEqual(sorted)
  })

  it('writes a key given twice once, and an empty set', () => {
    expect(serializeJwks([ec, { ...ec }])).toBe(serializeJwks([ec]))
    expect(serializeJwks([])).toBe('{"keys":[]}')
  })

  it('drops members that it does not know', () => {
    expect(serializeJwks([{ ...ec, note: 'x' } as typeof ec])).toBe(serializeJwks([ec]))
  })

  it('I4: refuses two keys of one kid', () => {
    const conflict = { ...keys.other.publicJwk, kid: ec.kid }
    expect(() => serializeJwks([ec, conflict])).toThrow(TypeError)
    expect(() => serializeJwks([ec, { ...ec, sub: 'spiffe://cluster.local/ns/a/sa/b' }])).toThrow(TypeError)
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])('I3: refuses a key with the private member %s', (member) => {
    const value = 'c2VjcmV0LXZhbHVl'
    expect(() => serializeJwks([{ ...ec, [member]: value }])).toThrow(/^key \S+ has private members$/)
  })

  it('I3: refuses a key whose private member is inherited', () => {
    expect(() => serializeJwks([Object.assign(Object.create({ d: 'secret' }) as typeof ec, ec)])).toThrow(TypeError)
  })
})

describe('parseJwks', () => {
  it('takes text and value alike', () => {
    expect(parseJwks({ keys: all })).toEqual(parseJwks(JSON.stringify({ keys: all })))
    expect(parseJwks('{"keys":[]}')).toEqual([])
  })

  it.each<[string, unknown, string]>([
    ['text that is not JSON', 'keys', 'ERR_JWKS_FORM'],
    ['no text', undefined, 'ERR_JWKS_FORM'],
    ['a list', [ec], 'ERR_JWKS_FORM'],
    ['a lone key', ec, 'ERR_JWKS_FORM'],
    ['keys that are no list', { keys: { 0: ec } }, 'ERR_JWKS_FORM'],
    ['members written twice', `{"keys":[],"keys":[${JSON.stringify(ec)}]}`, 'ERR_JWKS_FORM'],
    ['a kid used twice', { keys: [ec, ec] }, 'ERR_JWKS_DUPLICATE'],
    ['one weak key among good ones', { keys: [ec, { ...keys.RS256.publicJwk, e: 'AQ' }] }, 'ERR_JWK_WEAK'],
    ['a key for encryption', { keys: [{ ...ec, use: 'enc' }] }, 'ERR_JWK_USE'],
    ['I3: a private key', { keys: [{ ...ec, d: keys.ES256.privateJwk.d }] }, 'ERR_JWK_PRIVATE'],
    ['a set that is too large', `{"keys":[]}${' '.repeat(maxJwksBytes)}`, 'ERR_JWKS_TOO_LARGE'],
    ['a set that is too large in bytes', `{"keys":[],"a":"${'é'.repeat(maxJwksBytes / 2)}"}`, 'ERR_JWKS_TOO_LARGE'],
  ])('refuses %s', (_, input, code) => {
    expect(() => parseJwks(input)).toThrow(expect.objectContaining({ code }))
  })

  it('reads as much as the caller permits', () => {
    const text = `{"keys":[]}${' '.repeat(maxJwksBytes)}`
    expect(parseJwks(text, { maxBytes: 2 * maxJwksBytes })).toEqual([])
  })
})
