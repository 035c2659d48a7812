import { SignetError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { clockTolerance } from './clock-tolerance.ts'
import type { Clock } from './clock.ts'
import { SECOND } from './duration.ts'

/** A decision needed the time while the local clock differs from the API server's: `ERR_CLOCK_DISAGREES`. */
class ClockDisagreesError extends SignetError {
  constructor(message: string) {
    super('ERR_CLOCK_DISAGREES', message)
  }
}

interface CheckedClockOptions {
  readonly clock: Clock
  /** By how much the local clock is ahead of the API server's, in milliseconds; undefined while that is not known. */
  readonly offset: () => number | undefined
  readonly logger: Logger
}

/** Once paused, the two clocks have to be closer than the tolerance by this much, in milliseconds, to be used again. */
const margin = 10 * SECOND

/**
 * The clock that reconcilers decide by. It refuses to tell the time while the API server's clock contradicts the local
 * one, so that no key is activated, retired or removed and no token minted because one clock is wrong.
 */
export class CheckedClock implements Clock {
  readonly #options: CheckedClockOptions
  readonly #listeners = new Set<() => void>()
  #paused = false

  constructor(options: CheckedClockOptions) {
    this.#options = options
  }

  /** Milliseconds since the epoch. Throws ClockDisagreesError while the local clock cannot be trusted. */
  now(): number {
    const problem = this.problem()
    if (problem !== undefined) throw new ClockDisagreesError(problem)
    return this.#options.clock.now()
  }

  monotonic(): number {
    return this.#options.clock.monotonic()
  }

  /** Calls back each time the local clock is found to be wrong. Returns a function that unsubscribes. */
  onPaused(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Why the local clock cannot be trusted now; undefined while it can. */
  problem(): string | undefined {
    const { offset, logger } = this.#options
    const ahead = offset()
    const paused = differs(ahead, this.#paused)
    if (paused !== this.#paused) {
      this.#paused = paused
      const offsetSeconds = Math.round((ahead ?? 0) / SECOND)
      if (paused) {
        logger.error("local clock differs from the API server's; no decisions until they agree", { offsetSeconds })
        for (const listener of this.#listeners) listener()
      } else logger.info("local clock agrees with the API server's again", { offsetSeconds })
    }
    return paused ? message : undefined
  }
}

const message = `the clock of this replica differs from the API server's by more than ${clockTolerance / SECOND} s`

/**
 * `paused` says whether the clocks already differed; then they have to agree more closely. An offset that is not a number
 * counts as a difference.
 */
function differs(offset: number | undefined, paused: boolean): boolean {
  if (offset === undefined) return false
  return !(Math.abs(offset) <= (paused ? clockTolerance - margin : clockTolerance))
}
