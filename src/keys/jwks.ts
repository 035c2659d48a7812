import { JwkError, parsePublicJwk, privateMembers, type PublicJwk } from './public-jwk.ts'
import { isRecord, parseStrictJson } from '../json.ts'

/** Default limit for the size of a JWK Set, in bytes. */
export const maxJwksBytes = 64 * 1024

const members = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'sub'] as const

/** The JSON of a key, cached for the lifetime of the key object. */
const texts = new WeakMap<PublicJwk, string>()

/**
 * Serializes a JWK Set (RFC 7517 §5). Equal sets give equal texts: keys are sorted by `kid`, members have a fixed
 * order, and a key given twice is written once. Throws a TypeError for a key with private members (I3) and for two keys
 * with the same `kid` (I4).
 */
export function serializeJwks(keys: Iterable<PublicJwk>): string {
  const byKeyID = new Map<string, string>()
  for (const key of keys) {
    const text = texts.get(key) ?? serializeJwk(key)
    const known = byKeyID.get(key.kid)
    if (known !== undefined && known !== text) throw new TypeError(`two keys have the kid ${key.kid}`)
    byKeyID.set(key.kid, text)
  }
  const sorted = [...byKeyID].sort(([one], [other]) => (one < other ? -1 : 1))
  return `{"keys":[${sorted.map(([, text]) => text).join(',')}]}`
}

function serializeJwk(key: PublicJwk): string {
  if (privateMembers.some((name) => name in key)) throw new TypeError(`key ${key.kid} has private members`)
  const text = JSON.stringify(Object.fromEntries(members.map((name) => [name, key[name]])))
  if (Object.isFrozen(key)) texts.set(key, text)
  return text
}

/**
 * Parses a JWK Set, given as text or as a parsed value, and drops unknown members. An empty set is valid. Throws a
 * JwkError:
 *
 * | code | cause |
 * |---|---|
 * | `ERR_JWKS_TOO_LARGE` | the text has more than `maxBytes` |
 * | `ERR_JWKS_FORM` | not a JSON object with a list of keys |
 * | `ERR_JWKS_DUPLICATE` | two keys with the same `kid` |
 * | `ERR_JWK_…` | the first unusable key, see `parsePublicJwk` |
 */
export function parseJwks(
  input: unknown,
  { maxBytes = maxJwksBytes }: { readonly maxBytes?: number } = {},
): PublicJwk[] {
  if (typeof input === 'string' && Buffer.byteLength(input) > maxBytes) {
    throw new JwkError('ERR_JWKS_TOO_LARGE', `JWK Set has more than ${maxBytes} bytes`)
  }
  const value = typeof input === 'string' ? parseStrictJson(input) : input
  if (!isRecord(value) || !Array.isArray(value.keys)) {
    throw new JwkError('ERR_JWKS_FORM', 'JWK Set is not a JSON object with a list of keys')
  }
  const keys = value.keys.map(parsePublicJwk)
  const seen = new Set<string>()
  for (const { kid } of keys) {
    if (seen.has(kid)) throw new JwkError('ERR_JWKS_DUPLICATE', `JWK Set has two keys with the kid ${kid}`)
    seen.add(kid)
  }
  return keys
}
