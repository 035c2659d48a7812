import { LRUCache } from 'lru-cache'
import { OAuthError } from './oauth-error.ts'

interface RateLimitOptions {
  /** Requests a second that each may make, all the time; 0 for no limit. */
  readonly perSecond: number
  /** How many seconds' worth may come at once after a pause; 2 by default. */
  readonly burstSeconds?: number
  /** How many are remembered: whoever is forgotten begins anew with a full bucket. 16,384 by default. */
  readonly entries?: number
}

interface Bucket {
  tokens: number
  /** Milliseconds of a monotonic clock. */
  at: number
}

/** A token bucket for each of very many, in bounded memory. */
export class RateLimit {
  readonly #perMs: number
  readonly #burst: number
  readonly #buckets: LRUCache<string, Bucket>

  constructor({ perSecond, burstSeconds = 2, entries = 16_384 }: RateLimitOptions) {
    this.#perMs = perSecond / 1000
    this.#burst = Math.max(1, perSecond * burstSeconds)
    this.#buckets = new LRUCache({ max: entries })
  }

  /**
   * Takes one where there is one, and says 0; otherwise how many milliseconds until there is. `now` is of a monotonic
   * clock, in milliseconds.
   */
  take(key: string, now: number): number {
    if (this.#perMs === 0) return 0
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      this.#buckets.set(key, { tokens: this.#burst - 1, at: now })
      return 0
    }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + Math.max(0, now - bucket.at) * this.#perMs)
    bucket.at = now
    if (bucket.tokens < 1) return Math.ceil((1 - bucket.tokens) / this.#perMs)
    bucket.tokens -= 1
    return 0
  }
}

/** More requests than a caller may make: the one error that is answered 429 (RFC 6585 §4), always with Retry-After. */
export class TooManyRequests extends OAuthError {
  override readonly status = 429

  constructor(waitMs: number) {
    const retryAfter = Math.max(1, Math.ceil(waitMs / 1000))
    super('temporarily_unavailable', 'too many requests: slow down', { retryAfter, reason: 'rate' })
  }
}
