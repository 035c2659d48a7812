/** The rate of a token bucket. */
export interface TokenBucketOptions {
  /** Tokens added per second. */
  readonly perSecond: number
  /** The most tokens that an idle bucket accumulates. */
  readonly burst: number
  /** How many tokens an urgent caller may take in advance. */
  readonly overdraft: number
}

/** A rate limit without timers. Times are in milliseconds of a monotonic clock. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #at: number

  constructor(options: TokenBucketOptions, now: number) {
    this.#options = options
    this.#tokens = options.burst
    this.#at = now
  }

  /** Takes up to `wanted` of the available tokens, with `urgent` also of the overdraft. Returns how many were taken. */
  take(wanted: number, now: number, { urgent = false }: { urgent?: boolean } = {}): number {
    this.#refill(now)
    const there = this.#tokens + (urgent ? this.#options.overdraft : 0)
    const taken = Math.max(0, Math.min(wanted, Math.floor(there)))
    this.#tokens -= taken
    return taken
  }

  /** Milliseconds until a token is available; 0 if one is. */
  waitMs(now: number, { urgent = false }: { urgent?: boolean } = {}): number {
    this.#refill(now)
    const missing = 1 - (this.#tokens + (urgent ? this.#options.overdraft : 0))
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.#options.perSecond)
  }

  #refill(now: number): void {
    const { perSecond, burst } = this.#options
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#at) * perSecond) / 1000)
    this.#at = Math.max(this.#at, now)
  }
}
