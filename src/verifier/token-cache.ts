import { LRUCache } from 'lru-cache'
import type { PublicJwk } from '../keys/public-jwk.ts'
import type { VerifiedToken } from '../tokens/verify.ts'

/** A token that has been verified, and what has to be judged again each time. */
export interface CachedToken {
  readonly token: string
  readonly verified: VerifiedToken
  readonly key: PublicJwk
  /** In seconds since the epoch: the earlier of `iat` and `nbf` may not be, so the later counts. */
  readonly notBefore: number
  readonly expires: number
  /** Versions of keys and revocations by which it was last found good. */
  keysVersion: number
  revocationsVersion: number
}

/** Characters at a token's end by which it is looked up: those of an ES256 signature, which no other token has. */
const tailLength = 86
/** Memory that an entry takes beside its texts, in bytes, about. */
const overhead = 1000

/**
 * Verified tokens, each a memo of one very text: another spelling of the same token is another text and verified by
 * itself. Looked up by its end, since hashing a fresh text of 700 characters takes longer than all the rest, and then
 * compared whole.
 */
export class TokenCache {
  readonly #entries: LRUCache<string, CachedToken> | undefined

  /** 0 bytes for no cache. */
  constructor(maxBytes: number) {
    if (maxBytes <= 0) return
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      // The text once, and its claims as objects.
      sizeCalculation: ({ token }) => overhead + 3 * token.length,
    })
  }

  get size(): number {
    return this.#entries?.size ?? 0
  }

  get(token: string): CachedToken | undefined {
    const entry = this.#entries?.get(token.slice(-tailLength))
    return entry?.token === token ? entry : undefined
  }

  set(entry: CachedToken): void {
    this.#entries?.set(entry.token.slice(-tailLength), entry)
  }

  delete(token: string): void {
    this.#entries?.delete(token.slice(-tailLength))
  }
}
