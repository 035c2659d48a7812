import { describe, expect, it } from 'vitest'
import { algorithms } from '../../../src/keys/algorithm.ts'
import { readJwks } from '../../../src/verifier/sources/jwks-document.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const none = new Map<string, never>()
const text = (...list: unknown[]): string => JSON.stringify({ keys: list })
const es256 = keys.ES256.publicJwk
const other = keys.other.publicJwk

describe('a JWK Set', () => {
  it('is read by kid, for each algorithm', async () => {
    const all = algorithms.map((algorithm) => keys[algorithm].publicJwk)
    const read = await readJwks(text(...all), none)
    expect([...read.values()]).toEqual(all)
  })

  it('keeps a key the same object as long as it is the same', async () => {
    const first = await readJwks(text(es256, other), none)
    const second = await readJwks(text(other, { ...es256, sub: 'spiffe://cluster.local/ns/shop/sa/orders' }), first)
    expect(second.get(other.kid)).toBe(first.get(other.kid))
    expect(second.get(es256.kid)).not.toBe(first.get(es256.kid))
    expect(second.get(es256.kid)?.sub).toBe('spiffe://cluster.local/ns/shop/sa/orders')
  })

  it('passes over what cannot be used', async () => {
    const unusable = { kty: 'AKP', alg: 'ML-DSA-44', kid: 'future', pub: 'AAAA' }
    expect([...(await readJwks(text(es256, unusable), none)).keys()]).toEqual([es256.kid])
  })

  it.each<[string, unknown]>([
    ['for encryption', { ...es256, use: 'enc' }],
    ['for other operations', { ...es256, key_ops: ['encrypt'] }],
    ['with its private half', { ...es256, ...keys.ES256.privateJwk }],
    ['that is symmetric', { kty: 'oct', k: 'c2VjcmV0', kid: 'x', alg: 'HS256' }],
    ['without an algorithm', { ...es256, alg: undefined }],
    ['of another algorithm', { ...es256, alg: 'RS256' }],
    ['off its curve', { ...es256, y: es256.x }],
    ['with a kid that is a path', { ...es256, kid: '../x' }],
    ['with an exponent of 1', { ...keys.RS256.publicJwk, e: 'AQ' }],
    ['with a short modulus', { ...keys.RS256.publicJwk, n: keys.RS256.publicJwk.n?.slice(0, 171) }],
    ['with an empty subject', { ...es256, sub: '' }],
    ['that is none', null],
  ])('takes no key %s', async (_, key) => {
    expect([...(await readJwks(text(key, other), none)).keys()]).toEqual([other.kid])
  })

  it.each<[string, string]>([
    ['that is empty', text()],
    ['without any usable key', text({ ...es256, use: 'enc' })],
    ['mostly of what cannot be used', text(es256, {}, {})],
    ['with two keys of one kid', text(es256, { ...other, kid: es256.kid })],
    ['with the same key twice', text(es256, es256)],
    ['that is a list', JSON.stringify([es256])],
    ['with a member twice', `{"keys":[],"keys":[${JSON.stringify(es256)}]}`],
    ['that is cut off', text(es256).slice(0, -2)],
    ['that is a page', '<html>Bad gateway</html>'],
    ['of nothing', ''],
  ])('is refused %s', async (_, document) => {
    await expect(readJwks(document, none)).rejects.toMatchObject({ code: 'ERR_FETCH_CONTENT' })
  })
})
