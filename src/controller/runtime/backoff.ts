interface KeyBackoffOptions {
  /** Milliseconds after the first failure; default 5. */
  readonly baseMs?: number | undefined
  /** Milliseconds at most; default 30 s, so that objects are Ready within a minute of the end of an outage (I7). */
  readonly maxMs?: number | undefined
}

/** The pause of each key after its failures, doubled with each as in client-go. Holds only keys that have failed. */
export class KeyBackoff {
  readonly #baseMs: number
  readonly #maxMs: number
  readonly #failures = new Map<string, number>()

  constructor({ baseMs = 5, maxMs = 30_000 }: KeyBackoffOptions = {}) {
    this.#baseMs = baseMs
    this.#maxMs = maxMs
  }

  /** Counts a failure; returns the milliseconds to wait before the retry. */
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
