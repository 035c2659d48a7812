export interface BackoffOptions {
  /** Upper limit of the first wait, in milliseconds. Doubles with each failure, up to `capMs`. */
  readonly baseMs: number
  readonly capMs: number
  /** After this long without a failure the wait starts again at `baseMs`, in milliseconds. */
  readonly healthyMs: number
}

/**
 * The values of client-go's reflector, except the cap of 10 s instead of 30 s: after an outage a replica first lists
 * and then waits for a lease to expire, and must finish both within a minute (I7).
 */
export const defaultBackoff: BackoffOptions = { baseMs: 800, capMs: 10_000, healthyMs: 120_000 }

/** Waits between attempts to reach the API server. Uses full jitter, so that replicas do not return at once. */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #random: () => number
  #failures = 0
  #waitedUntil = Number.NEGATIVE_INFINITY

  constructor(options: BackoffOptions = defaultBackoff, random: () => number = Math.random) {
    this.#options = options
    this.#random = random
  }

  /** Milliseconds to wait after a failure at `now`, in milliseconds of the monotonic clock. */
  next(now: number): number {
    const { baseMs, capMs, healthyMs } = this.#options
    if (now - this.#waitedUntil > healthyMs) this.#failures = 0
    const limit = Math.min(capMs, baseMs * 2 ** Math.min(this.#failures, 30))
    this.#failures++
    const wait = limit * this.#random()
    this.#waitedUntil = now + wait
    return wait
  }
}
