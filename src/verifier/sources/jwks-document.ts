import { setImmediate as nextTurn } from 'node:timers/promises'
import { JwkError, parsePublicJwk, type PublicJwk } from '../../keys/public-jwk.ts'
import { isRecord, parseStrictJson } from '../../json.ts'
import { FetchError } from '../http/fetch-error.ts'

/** The keys of an issuer, by kid. The same key is the same object in one set and the next. */
export type KeysByID = ReadonlyMap<string, PublicJwk>

/** Keys that are read before other work has a turn: importing one takes some 20 µs. */
const keysATurn = 200

/** The text that a key was read from, for as long as the key is held. */
const sources = new WeakMap<PublicJwk, string>()

/**
 * Reads a JWK Set (RFC 7517 §5). A key that cannot be used, say of an algorithm to come, is passed over as the RFC asks;
 * but a set without any usable key, or mostly of others, or with two keys of one kid, is not what an issuer has, and
 * rejects with a FetchError: whatever is held has to stay. Keys of `known` that are still the same stay the same objects.
 */
export async function readJwks(text: string, known: KeysByID): Promise<KeysByID> {
  const value = parseStrictJson(text)
  if (!isRecord(value) || !Array.isArray(value.keys)) throw wrong('is not a JSON object with a list of keys')
  const list: readonly unknown[] = value.keys
  const keys = new Map<string, PublicJwk>()
  let read = 0
  for (const item of list) {
    const key = sameKey(item, known) ?? parsed(item)
    if (key !== undefined && keys.has(key.kid)) throw wrong('has two keys of one kid')
    if (key !== undefined) keys.set(key.kid, key)
    read += 1
    if (read % keysATurn === 0) await nextTurn()
  }
  if (keys.size === 0) throw wrong('has no usable key')
  if (keys.size * 2 < list.length) throw wrong('consists mostly of keys that cannot be used')
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
