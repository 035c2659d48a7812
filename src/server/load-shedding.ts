interface LoadShedderOptions {
  /** The most requests in progress. */
  readonly underWay: number
  /** Milliseconds of one event loop turn after which further requests are refused. */
  readonly delayMs: number
}

/** How often the turn of the event loop is recorded, in milliseconds. */
const resolution = 10

/**
 * Decides whether another request may begin, before any work is done for it. Requests that arrive together are served
 * in one turn of the event loop, so the last one waits for all others. When a turn takes longer than `delayMs`, its
 * remaining requests are refused, at a cost of microseconds each, so that the accepted ones are served in time.
 */
export class LoadShedder {
  readonly #options: LoadShedderOptions
  readonly #timer: NodeJS.Timeout
  #turnedAt = performance.now()
  #underWay = 0

  constructor(options: LoadShedderOptions) {
    this.#options = options
    this.#timer = setInterval(() => {
      this.#turnedAt = performance.now()
    }, resolution).unref()
  }

  get underWay(): number {
    return this.#underWay
  }

  /** Whether new requests must be refused. */
  isOverloaded(): boolean {
    const { underWay, delayMs } = this.#options
    return this.#underWay >= underWay || performance.now() - this.#turnedAt - resolution > delayMs
  }

  /** Call `leave` once for each `enter`. */
  enter(): void {
    this.#underWay += 1
  }

  leave(): void {
    this.#underWay -= 1
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
