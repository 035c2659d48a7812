import type { Clock } from '../clock.ts'
import { SECOND } from '../duration.ts'
import { SignetError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { clockViolation } from '../policy/clock.ts'
import type { Violation } from '../policy/reasons.ts'

/** A decision needed the time, and the API server's clock contradicts ours: `ERR_CLOCK_DISAGREES`. */
export class ClockDisagreesError extends SignetError {
  constructor(message: string) {
    super('ERR_CLOCK_DISAGREES', message)
  }
}

export interface ClockGuardOptions {
  readonly clock: Clock
  /** By how much the clock is ahead of the API server's, in milliseconds; undefined where that is not known. */
  readonly offset: () => number | undefined
  readonly logger: Logger
}

/**
 * The clock that reconcilers decide by: it does not tell the time while the API server's contradicts it. So a key that
 * was to be activated, retired or removed and a token that was to be minted on the word of one wrong clock are not.
 */
export class ClockGuard implements Clock {
  readonly #options: ClockGuardOptions
  readonly #listeners = new Set<() => void>()
  #suspended = false

  constructor(options: ClockGuardOptions) {
    this.#options = options
  }

  /** Throws ClockDisagreesError while the time cannot be trusted. */
  now(): number {
    const violation = this.violation()
    if (violation !== undefined) throw new ClockDisagreesError(violation.message)
    return this.#options.clock.now()
  }

  monotonic(): number {
    return this.#options.clock.monotonic()
  }

  /** Calls back as soon as it is noticed that the time cannot be trusted any more; returns how to stop that. */
  onSuspended(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Why the time cannot be trusted now; undefined where it can. */
  violation(): Violation | undefined {
    const { offset, logger } = this.#options
    const ahead = offset()
    const violation = clockViolation(ahead, this.#suspended)
    const suspended = violation !== undefined
    if (suspended !== this.#suspended) {
      this.#suspended = suspended
      const offsetSeconds = Math.round((ahead ?? 0) / SECOND)
      if (suspended) {
        logger.error('clock disagrees with the API server, standing back until it agrees', { offsetSeconds })
        for (const listener of this.#listeners) listener()
      } else logger.info('clock agrees with the API server again', { offsetSeconds })
    }
    return violation
  }
}
