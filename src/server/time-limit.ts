/** The number of checks within the limit. A late callback is delayed by at most one interval. */
const checks = 20

/**
 * Calls back for work that takes longer than the limit. One timer checks all work in progress: most of it ends within
 * the turn in which it began, and a timer for each would cost more than the work.
 */
export class TimeLimit {
  readonly #limitMs: number
  /** The begin of each piece of work by its callback, the oldest first. */
  readonly #began = new Map<() => void, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /** `onLate` is called once, unless `end` is called before. `now` is a `performance.now()`. */
  begin(onLate: () => void, now: number): void {
    this.#began.set(onLate, now)
    this.#timer ??= setInterval(() => this.#check(), this.#limitMs / checks).unref()
  }

  end(onLate: () => void): void {
    this.#began.delete(onLate)
  }

  #check(): void {
    const since = performance.now() - this.#limitMs
    for (const [onLate, began] of this.#began) {
      if (began > since) return
      this.#began.delete(onLate)
      onLate()
    }
    // Nothing is in progress.
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
