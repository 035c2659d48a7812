export interface BackoffOptions {
  /** Upper limit of the first wait, in milliseconds; doubles with each failure up to `capMs`. */
  readonly baseMs: number
  readonly capMs: number
  /** After this long without a failure they are forgotten, in milliseconds. */
  readonly healthyMs: number
}

/**
 * As client-go's reflector has them, 0.8 s doubling, forgotten after two minutes, but to 10 s instead of 30 s: after an
 * outage a replica first lists, then waits for a lease to expire, and has to be done with both within a minute (I7).
 */
export const defaultBackoff: BackoffOptions = { baseMs: 800, capMs: 10_000, healthyMs: 120_000 }

/** How long to stay away from the API server after a failure: full jitter, so that many replicas come back spread out. */
export class Backoff {
  readonly #options: BackoffOptions
  readonly #random: () => number
  #failures = 0
  #waitedUntil = Number.NEGATIVE_INFINITY

  constructor(options: BackoffOptions = defaultBackoff, random: () => number = Math.random) {
    this.#options = options
    this.#random = random
  }

  /** Milliseconds to wait after a failure at `now` (monotonic). */
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
