import { setImmediate as nextTurn } from 'node:timers/promises'
import { JwkError, parsePublicJwk, type PublicJwk } from '../../keys/public-jwk.ts'
import { isRecord, parseStrictJson } from '../../json.ts'
import { FetchError } from '../http/fetch-error.ts'

/** The public keys of an issuer by `kid`. An unchanged key stays the same object from one set to the next. */
export type KeysByID = ReadonlyMap<string, PublicJwk>

/** Keys parsed before yielding to the event loop: importing a key takes about 20 µs. */
const keysATurn = 200

/** The JSON that each key was parsed from. */
const sources = new WeakMap<PublicJwk, string>()

/**
 * Parses a JWK Set (RFC 7517 §5). Unusable keys, of a future algorithm for example, are ignored as the RFC requires.
 * Rejects with a FetchError if no key or fewer than half of the keys are usable, or if two keys share a `kid`: such a
 * set must not replace the previous one. Unchanged keys are taken from `known`.
 */
export async function readJwks(text: string, known: KeysByID): Promise<KeysByID> {
  const value = parseStrictJson(text)
  if (!isRecord(value) || !Array.isArray(value.keys)) throw wrong('is not a JSON object with a list of keys')
  const list: readonly unknown[] = value.keys
  const keys = new Map<string, PublicJwk>()
  let read = 0
  for (const item of list) {
    const key = sameKey(item, known) ?? parsed(item)
    if (key !== undefined && keys.has(key.kid)) throw wrong('has two keys with the same kid')
    if (key !== undefined) keys.set(key.kid, key)
    read += 1
    if (read % keysATurn === 0) await nextTurn()
  }
  if (keys.size === 0) throw wrong('has no usable key')
  if (keys.size * 2 < list.length) throw wrong('has mostly unusable keys')
  return keys
}

function sameKey(item: unknown, known: KeysByID): PublicJwk | undefined {
  if (!isRecord(item) || typeof item.kid !== 'string') return undefined
  const key = known.get(item.kid)
  return key !== undefined && sources.get(key) === JSON.stringify(item) ? key : undefined
}

function parsed(item: unknown): PublicJwk | undefined {
  try {
    const key = parsePublicJwk(item)
    sources.set(key, JSON.stringify(item))
    return key
  } catch (error) {
    if (error instanceof JwkError) return undefined
    throw error
  }
}

function wrong(what: string): FetchError {
  return new FetchError('ERR_FETCH_CONTENT', `the JWK Set ${what}`)
}
