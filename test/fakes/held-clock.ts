import type { Clock } from '../../src/time/clock.ts'

/** A clock that moves only when it is told to. */
export class HeldClock implements Clock {
  #now: number

  constructor(now = Date.parse('2026-06-01T00:00:00Z')) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds
  }
}
