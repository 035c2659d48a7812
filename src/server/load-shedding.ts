interface LoadShedderOptions {
  /** Most pieces of work under way at a time. */
  readonly underWay: number
  /** How long the event loop may have been busy with what came in together, in milliseconds, before more is refused. */
  readonly delayMs: number
}

/** How often the loop's turn is noted, in milliseconds. */
const resolution = 10

/**
 * Says whether another piece of work can be taken on, before anything is spent on it. Requests that arrive together are
 * served in one turn of the event loop: the last of them waits for all before it. Once that takes longer than it may,
 * the rest of the turn is refused, in microseconds each, so that those who are served are served in time.
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

  /** Whether nothing more should be begun. */
  isOver(): boolean {
    const { underWay, delayMs } = this.#options
    return this.#underWay >= underWay || performance.now() - this.#turnedAt - resolution > delayMs
  }

  /** To be followed by one `leave`. */
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
