/** How many times in the limit it is looked at what is under way: whatever is late is told of so much later at most. */
const looks = 20

/**
 * Tells what takes longer than it may. One timer looks at everything that is under way: most of it is over within the
 * turn in which it began, and a timer of its own would cost more than the work.
 */
export class TimeLimit {
  readonly #limitMs: number
  /** By what is told, when it began; the oldest first. */
  readonly #began = new Map<() => void, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(limitMs: number) {
    this.#limitMs = limitMs
  }

  /** `onLate` is called once, unless it ends before. `now` is of `performance.now()`. */
  begin(onLate: () => void, now: number): void {
    this.#began.set(onLate, now)
    this.#timer ??= setInterval(() => this.#look(), this.#limitMs / looks).unref()
  }

  end(onLate: () => void): void {
    this.#began.delete(onLate)
  }

  #look(): void {
    const since = performance.now() - this.#limitMs
    for (const [onLate, began] of this.#began) {
      if (began > since) return
      this.#began.delete(onLate)
      onLate()
    }
    // Nothing is under way.
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
