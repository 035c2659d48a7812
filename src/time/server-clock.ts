import type { Clock } from './clock.ts'
import { SECOND } from './duration.ts'

/**
 * The offset is the median of this many responses, so that neither a slow response nor one API server of several
 * decides.
 */
const remembered = 5

/**
 * The API server's clock, estimated to about a second from the Date headers of responses (RFC 9110 §6.6.1). Between
 * responses the estimate advances with the monotonic clock, so that a jump of the local wall clock shows at once.
 */
export class ServerClock {
  readonly #clock: Clock
  /** Server time minus monotonic time of the last responses, in milliseconds, oldest first. */
  readonly #samples: number[] = []
  /** The median of the samples. */
  #median: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Adds the Date header of a response that has just arrived. Ignores a missing or invalid header. */
  see(date: unknown): void {
    const time = typeof date === 'string' ? Date.parse(date) : Number.NaN
    if (Number.isNaN(time)) return
    // The header is truncated to the second.
    this.#samples.push(time + SECOND / 2 - this.#clock.monotonic())
    if (this.#samples.length > remembered) this.#samples.shift()
    const sorted = this.#samples.toSorted((a, b) => a - b)
    this.#median = sorted[Math.floor(sorted.length / 2)]
  }

  /** By how much the local clock is ahead of the server's, in milliseconds; undefined before the first response. */
  offset(): number | undefined {
    return this.#median === undefined ? undefined : this.#clock.now() - (this.#median + this.#clock.monotonic())
  }
}
