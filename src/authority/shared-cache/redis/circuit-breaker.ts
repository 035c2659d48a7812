/**
 * Opens after a number of consecutive failures. Only `close`, after a successful probe, closes it: while it is open no
 * caller's request is used as a probe.
 */
export class CircuitBreaker {
  readonly #limit: number
  #failures = 0
  #open = false

  constructor({ failures }: { failures: number }) {
    this.#limit = failures
  }

  get open(): boolean {
    return this.#open
  }

  succeeded(): void {
    this.#failures = 0
  }

  /** Returns true if this failure opens the breaker. */
  failed(): boolean {
    this.#failures++
    if (this.#open || this.#failures < this.#limit) return false
    this.#open = true
    return true
  }

  /** Closes the breaker after a successful probe. */
  close(): void {
    this.#open = false
    this.#failures = 0
  }
}
