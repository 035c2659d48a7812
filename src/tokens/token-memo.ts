import { LRUCache } from 'lru-cache'

/** Characters at a token's end by which it is looked up: those of an ES256 signature, which no other token has. */
const tailLength = 86
/** Memory that an entry takes beside its texts, in bytes, about. */
const overhead = 1000

interface Entry<Value> {
  readonly token: string
  readonly value: Value
}

/**
 * What has been found out about verified tokens, each a memo of one very text: another spelling of the same token is
 * another text and judged by itself. Looked up by its end, since hashing a fresh text of 700 characters takes longer than
 * all the rest, and then compared whole. Only what does not change may be kept: expiry, revocation, key and audience are
 * judged by the caller each time, by the claims and never by the text.
 */
export class TokenMemo<Value> {
  readonly #entries: LRUCache<string, Entry<Value>> | undefined

  /** The most memory that entries may take, roughly; 0 bytes for no memo. */
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

  get(token: string): Value | undefined {
    const entry = this.#entries?.get(token.slice(-tailLength))
    return entry?.token === token ? entry.value : undefined
  }

  /** Of a token that has been verified, which consists of ASCII characters alone. */
  set(token: string, value: Value): void {
    if (this.#entries === undefined) return
    // What was cut out of a request would keep all of that request.
    const text = Buffer.from(token, 'latin1').toString('latin1')
    this.#entries.set(text.slice(-tailLength), { token: text, value })
  }

  delete(token: string): void {
    this.#entries?.delete(token.slice(-tailLength))
  }
}
