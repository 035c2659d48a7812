interface KeyBackoffOptions {
  /** Milliseconds after the first failure; default 5. */
  readonly baseMs?: number | undefined
  /** Default 30 s, so that all is well within a minute of the end of whatever stood in the way (I7). */
  readonly maxMs?: number | undefined
}

/** How long each key waits after its failures: doubling, as client-go does it. Knows only keys that have failed. */
export class KeyBackoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #failures = new Map<string, number>()

  constructor({ baseMs = 5, maxMs = 30_000 }: KeyBackoffOptions = {}) {
    this.#baseMs = baseMs
    this.#maxMs = maxMs
  }

  /** Counts a failure; milliseconds to wait before the next try. */
  next(key: string): number {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    return Math.min(this.#maxMs, this.#baseMs * 2 ** Math.min(failures, 40))
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  forget(key: string): void {
    this.#failures.delete(key)
  }
}
