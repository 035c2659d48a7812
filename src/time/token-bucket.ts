export interface TokenBucketOptions {
  /** Tokens that come back a second. */
  readonly perSecond: number
  /** Tokens that lie there when nobody took any for long. */
  readonly burst: number
  /** How many may be taken ahead of time for what is urgent. */
  readonly overdraft: number
}

/** A rate as arithmetic: how much may be done now, and when the next. Times in milliseconds of a monotonic clock. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #at: number

  constructor(options: TokenBucketOptions, now: number) {
    this.#options = options
    this.#tokens = options.burst
    this.#at = now
  }

  /** Takes as many as are there, up to `wanted`; what is urgent also draws on those to come. */
  take(wanted: number, now: number, { urgent = false }: { urgent?: boolean } = {}): number {
    this.#refill(now)
    const there = this.#tokens + (urgent ? this.#options.overdraft : 0)
    const taken = Math.max(0, Math.min(wanted, Math.floor(there)))
    this.#tokens -= taken
    return taken
  }

  /** Milliseconds until there is one again; 0 where there is. */
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
