/** What is kept open. */
interface Connection {
  disconnect(): void
}

/** What the connection being opened tells; `ended` once, and nothing after it. */
export interface LinkEvents {
  ready(): void
  ended(reason: string): void
}

export interface LinkOptions<C extends Connection> {
  /** Begins to open a connection; `attempt` counts from 0. A rejection is as good as `ended`. */
  readonly open: (events: LinkEvents, attempt: number) => Promise<C>
  /** A connection that is not ready by then is given up, in milliseconds. */
  readonly openLimitMs: number
  /** Before the next attempt: doubled from the first to the second while none lasts. */
  readonly pauseMs: readonly [number, number]
  readonly onReady?: (connection: C) => void
  /** Told once for a row of failed attempts, and again when the reason is another. */
  readonly onDown?: (reason: string) => void
}

/** A connection that lasted so long makes the next attempt come at once again. */
const lastsMs = 1000

/** Keeps one connection open: opens another after each that ends, at growing intervals, until it is closed. */
export class Link<C extends Connection> {
  readonly #options: LinkOptions<C>
  #connection: C | undefined
  #readyAt: number | undefined
  #generation = 0
  #attempt = 0
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #reason: string | undefined = 'not connected yet'
  #closed = false

  constructor(options: LinkOptions<C>) {
    this.#options = options
    this.#open()
  }

  /** The connection, while it is ready. */
  get ready(): C | undefined {
    return this.#readyAt === undefined ? undefined : this.#connection
  }

  /** Why there is none. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Ends the connection, with all that waits on it, and opens another. */
  reset(reason: string): void {
    this.#ended(this.#generation, reason)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#end()
    this.#reason = 'closed'
  }

  #open(): void {
    const generation = ++this.#generation
    const { open, openLimitMs, onReady } = this.#options
    this.#timer = setTimeout(() => this.#ended(generation, 'timed out'), openLimitMs).unref()
    const isCurrent = (): boolean => generation === this.#generation && !this.#closed
    let readyEarly = false
    const ready = (): void => {
      if (!isCurrent()) return
      if (this.#connection === undefined) {
        readyEarly = true
        return
      }
      clearTimeout(this.#timer)
      this.#readyAt = performance.now()
      this.#reason = undefined
      onReady?.(this.#connection)
    }
    open({ ready, ended: (reason) => this.#ended(generation, reason) }, this.#attempt++).then(
      (connection) => {
        if (!isCurrent()) {
          connection.disconnect()
          return
        }
        this.#connection = connection
        if (readyEarly) ready()
      },
      () => this.#ended(generation, 'cannot be opened'),
    )
  }

  #ended(generation: number, reason: string): void {
    if (generation !== this.#generation || this.#closed) return
    const lasted = this.#readyAt !== undefined && performance.now() - this.#readyAt >= lastsMs
    this.#failures = lasted ? 0 : this.#failures + 1
    this.#end()
    const changed = reason !== this.#reason
    this.#reason = reason
    const [first, longest] = this.#options.pauseMs
    const pause = Math.min(longest, first * 2 ** Math.min(this.#failures, 16))
    // Spread, so that replicas do not come back together.
    this.#timer = setTimeout(() => this.#open(), pause * (0.5 + Math.random() / 2)).unref()
    if (changed) this.#options.onDown?.(reason)
  }

  #end(): void {
    this.#generation++
    clearTimeout(this.#timer)
    const connection = this.#connection
    this.#connection = undefined
    this.#readyAt = undefined
    connection?.disconnect()
  }
}
