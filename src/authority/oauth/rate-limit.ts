import { LRUCache } from 'lru-cache'
import { TokenBucket, type TokenBucketOptions } from '../../time/token-bucket.ts'

interface RateLimitOptions {
  /** Sustained requests per second for each key; 0 disables the limit. */
  readonly perSecond: number
  /** The burst after a pause, in seconds' worth of requests; 2 by default. */
  readonly burstSeconds?: number
  /** Keys to remember; an evicted key starts again with a full bucket. 16,384 by default. */
  readonly entries?: number
}

/** A token bucket for each key, in bounded memory. */
export class RateLimit {
  readonly #options: TokenBucketOptions
  readonly #buckets: LRUCache<string, TokenBucket>

  constructor({ perSecond, burstSeconds = 2, entries = 16_384 }: RateLimitOptions) {
    this.#options = { perSecond, burst: Math.max(1, perSecond * burstSeconds), overdraft: 0 }
    this.#buckets = new LRUCache({ max: entries })
  }

  /**
   * Takes one token of the key's bucket. Returns 0, or the milliseconds until the next token if the bucket is empty.
   * `now` is the time of a monotonic clock, in milliseconds.
   */
  take(key: string, now: number): number {
    if (this.#options.perSecond === 0) return 0
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#options, now)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(1, now) === 1 ? 0 : bucket.waitMs(now)
  }
}
