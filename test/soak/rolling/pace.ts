/**
 * When each of so many requests a second is due, in milliseconds since the beginning: an open loop, which waits for no
 * answer. What is slow thus finds the next requests at its door all the same, as with callers that know nothing of one
 * another.
 */
export class Pace {
  readonly #perSecond: number
  #taken = 0

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** The times of those that have become due since it was last asked. */
  take(elapsedMs: number): number[] {
    const due: number[] = []
    for (let at = this.#nextAt(); at <= elapsedMs; at = this.#nextAt()) {
      due.push(at)
      this.#taken += 1
    }
    return due
  }

  #nextAt(): number {
    return (this.#taken * 1000) / this.#perSecond
  }
}
