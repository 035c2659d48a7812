import { type Clock, systemClock } from '../../src/time/clock.ts'

/** A clock whose wall time can be set wrong; it runs at the speed of the one it is made from. */
export class SkewedClock implements Clock {
  /** Milliseconds by which it is ahead. */
  ahead = 0
  readonly #right: Clock

  constructor(right: Clock = systemClock) {
    this.#right = right
  }

  now(): number {
    return this.#right.now() + this.ahead
  }

  monotonic(): number {
    return this.#right.monotonic()
  }
}
