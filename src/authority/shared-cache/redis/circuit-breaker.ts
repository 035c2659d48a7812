/**
 * Tells when to stop asking somebody who does not answer: after so many failures in a row, with none that went well
 * between them. Once open it is closed only by whoever has seen a probe go well, so that while it is open no call is spent
 * on finding out.
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

  /** True where this failure has opened it. */
  failed(): boolean {
    this.#failures++
    if (this.#open || this.#failures < this.#limit) return false
    this.#open = true
    return true
  }

  /** A probe went well. */
  close(): void {
    this.#open = false
    this.#failures = 0
  }
}
