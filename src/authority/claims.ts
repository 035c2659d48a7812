import type { Clock } from '../time/clock.ts'

/** `first`: it was not claimed. `taken`: it is. `full`: too many are alive to take another. */
type ClaimResult = 'first' | 'taken' | 'full'

/** Shortest time between two searches for claims that have ended, so that being full costs next to nothing. */
const sweepMs = 1000

/**
 * Keys that have been claimed in this process. One that is alive is never forgotten to make room: that would let
 * somebody who can make many claims have any of them twice.
 */
export class Claims {
  readonly #until = new Map<string, number>()
  readonly #clock: Clock
  readonly #max: number
  #sweptAt = Number.NEGATIVE_INFINITY

  constructor({ clock, max }: { clock: Clock; max: number }) {
    this.#clock = clock
    this.#max = max
  }

  claim(key: string, ttlMs: number): ClaimResult {
    const now = this.#clock.monotonic()
    if (this.has(key)) return 'taken'
    if (this.#until.size >= this.#max) this.#sweep(now)
    if (this.#until.size >= this.#max) return 'full'
    this.#until.set(key, now + ttlMs)
    return 'first'
  }

  has(key: string): boolean {
    return (this.#until.get(key) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonic()
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < sweepMs) return
    this.#sweptAt = now
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
  }
}
