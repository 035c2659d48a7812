import { LRUCache } from 'lru-cache'

/**
 * Entries are looked up by this many characters at the token's end: the length of an ES256 signature, which is unique
 * to the token.
 */
const tailLength = 86
/** The approximate memory of an entry besides its texts, in bytes. */
const overhead = 1000

interface Entry<Value> {
  readonly token: string
  readonly value: Value
}

/**
 * Remembers facts about verified tokens by their exact text; another spelling of the same token is judged separately.
 * Looked up by the token's end and then compared completely, because hashing a new text of 700 characters would take
 * longer than the rest. Store only facts that never change: the caller must check expiry, revocation, key and audience
 * on each use, by the claims.
 */
export class TokenMemo<Value> {
  readonly #entries: LRUCache<string, Entry<Value>> | undefined

  /** `maxBytes` limits the memory of entries, approximately; 0 disables the memo. */
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

  /** Call only for a verified token, which consists of ASCII characters. */
  set(token: string, value: Value): void {
    if (this.#entries === undefined) return
    // Copied, because a substring would keep the whole request in memory.
    const text = Buffer.from(token, 'latin1').toString('latin1')
    this.#entries.set(text.slice(-tailLength), { token: text, value })
  }

  delete(token: string): void {
    this.#entries?.delete(token.slice(-tailLength))
  }
}
