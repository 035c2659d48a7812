import type { Clock } from './clock.ts'
import { SECOND } from './duration.ts'

/** The middle one of so many answers counts: neither a slow one nor one API server of several decides. */
const remembered = 5

/**
 * The API server's clock, as the Date headers of its answers tell it (RFC 9110 §6.6.1), to about a second. It is carried
 * on by the monotonic clock, so that a jump of the local wall clock shows at once, before any new answer.
 */
export class ServerClock {
  readonly #clock: Clock
  /** Server time minus monotonic time of the last answers, in milliseconds, oldest first. */
  readonly #samples: number[] = []
  /** The middle one of them. */
  #middle: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes in the Date header of an answer that has just come; one that is missing or unreadable tells nothing. */
  see(date: unknown): void {
    const time = typeof date === 'string' ? Date.parse(date) : Number.NaN
    if (Number.isNaN(time)) return
    // The header is cut down to its second.
    this.#samples.push(time + SECOND / 2 - this.#clock.monotonic())
    if (this.#samples.length > remembered) this.#samples.shift()
    const sorted = this.#samples.toSorted((a, b) => a - b)
    this.#middle = sorted[Math.floor(sorted.length / 2)]
  }

  /** By how much the local clock is ahead of the server's, in milliseconds; undefined before the first answer. */
  offset(): number | undefined {
    return this.#middle === undefined ? undefined : this.#clock.now() - (this.#middle + this.#clock.monotonic())
  }
}
