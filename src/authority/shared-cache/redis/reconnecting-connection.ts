interface Connection {
  disconnect(): void
}

/** The events of a connection being opened. `ended` is the last one and comes once. */
export interface ReconnectEvents {
  ready(): void
  ended(reason: string): void
}

export interface ReconnectOptions<C extends Connection> {
  /** Opens a connection; `attempt` counts from 0. A rejection counts as `ended`. */
  readonly open: (events: ReconnectEvents, attempt: number) => Promise<C>
  /** The time limit until a connection is ready, in milliseconds. */
  readonly openLimitMs: number
  /** The shortest and longest pause between attempts, in milliseconds; doubles with each failure. */
  readonly pauseMs: readonly [number, number]
  readonly onReady?: (connection: C) => void
  /** Called once per outage, and again when the reason changes. */
  readonly onDown?: (reason: string) => void
}

/** A connection that lasted this long, in milliseconds, resets the backoff. */
const lastsMs = 1000

/** Keeps one connection open: reconnects with exponential backoff until it is closed. */
export class ReconnectingConnection<C extends Connection> {
  readonly #options: ReconnectOptions<C>
  #connection: C | undefined
  #readyAt: number | undefined
  #generation = 0
  #attempt = 0
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #reason: string | undefined = 'not connected yet'
  #closed = false

  constructor(options: ReconnectOptions<C>) {
    this.#options = options
    this.#open()
  }

  /** The connection if it is ready. */
  get ready(): C | undefined {
    return this.#readyAt === undefined ? undefined : this.#connection
  }

  /** Why there is no connection; undefined if there is one. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Ends the connection, which rejects its pending commands, and opens another one. */
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
    // Jitter, so that replicas do not reconnect all at once.
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
