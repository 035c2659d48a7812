import { JwkError, parsePublicJwk, privateMembers, type PublicJwk } from './public-jwk.ts'
import { isRecord, parseStrictJson } from '../json.ts'

/** Most bytes of a JWK Set that are read, unless the caller says otherwise. */
export const maxJwksBytes = 64 * 1024

const members = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'sub'] as const

/** The text of one key, kept as long as the key object itself. */
const texts = new WeakMap<PublicJwk, string>()

/**
 * A JWK Set (RFC 7517 §5) that depends on its keys only: sorted by `kid`, members in fixed order, a key given twice
 * written once. Throws a TypeError for a key with private members (I3) and for two keys of one `kid` (I4).
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
 * Parses a JWK Set, given as text or as the value of one. Every key has to be usable, see `parsePublicJwk`; other
 * members are dropped. Throws JwkError: `ERR_JWKS_TOO_LARGE`, `ERR_JWKS_FORM`, `ERR_JWKS_DUPLICATE` for two keys of
 * one `kid`, or `ERR_JWK_…` for the first unusable key. An empty set is a set: the caller decides what it means.
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
