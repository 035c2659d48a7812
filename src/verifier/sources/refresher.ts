import type { Clock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { FetchError } from '../http/fetch-error.ts'

export interface RefresherOptions {
  /** Updates the data. On a rejection the previous data stays in use. */
  readonly load: (signal: AbortSignal) => Promise<void>
  /** Milliseconds from a successful load to the next. */
  readonly everyMs: number
  /** Milliseconds from a failed load to the next, once data has been loaded. */
  readonly retryMs: number
  /** Milliseconds to the second try while nothing has been loaded; doubles up to `retryMs`. */
  readonly firstRetryMs: number
  readonly clock: Pick<Clock, 'monotonic'>
  /** Returns a number in [0, 1). */
  readonly random: () => number
  /** Called for the first failure after the start or a success; `onRecovery` for the first success after a failure. */
  readonly onFailure?: ((problem: string) => void) | undefined
  readonly onRecovery?: (() => void) | undefined
}

/**
 * Refreshes data in the background, one load at a time, and retries for ever. Jitter spreads a fleet that starts at the
 * same time. The timer does not keep the process alive.
 */
export class Refresher {
  readonly #options: RefresherOptions
  readonly #stop = new AbortController()
  #flight: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #failures = 0
  #problem: string | undefined
  #startedAt = Number.NEGATIVE_INFINITY
  #succeededAt: number | undefined
  /** Until when the authority asked not to be called (Retry-After), on the monotonic clock. */
  #askedAt = Number.NEGATIVE_INFINITY
  readonly #loaded = Promise.withResolvers<undefined>()

  constructor(options: RefresherOptions) {
    this.#options = options
  }

  /** When the last load began, on the monotonic clock. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** Milliseconds since the last successful load; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#succeededAt === undefined ? undefined : this.#options.clock.monotonic() - this.#succeededAt
  }

  /** Why the last load failed; undefined after a success. */
  get problem(): string | undefined {
    return this.#problem
  }

  get loading(): boolean {
    return this.#flight !== undefined
  }

  /** Resolves with the first successful load; never rejects. */
  get loaded(): Promise<void> {
    return this.#loaded.promise
  }

  /**
   * The earliest start of another load, on the monotonic clock: `coolDownMs` after the last start, and after any
   * Retry-After.
   */
  mayLoadAt(coolDownMs: number): number {
    return Math.max(this.#startedAt + coolDownMs, this.#askedAt)
  }

  /** Loads now, or joins the load in flight. Never rejects: see `problem`. */
  refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve()
    this.#flight ??= this.#load().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  /** Schedules the next load no later than `time`, on the monotonic clock. */
  noLaterThan(time: number): void {
    if (this.#flight === undefined && time < this.#dueAt) this.#schedule(time - this.#options.clock.monotonic())
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#stop.abort()
  }

  async #load(): Promise<void> {
    const { load, clock, onFailure, onRecovery } = this.#options
    clearTimeout(this.#timer)
    this.#startedAt = clock.monotonic()
    try {
      await load(this.#stop.signal)
      this.#succeededAt = clock.monotonic()
      this.#loaded.resolve(undefined)
      const recovered = this.#failures > 0
      this.#failures = 0
      this.#problem = undefined
      this.#schedule(this.#jittered(this.#options.everyMs))
      if (recovered) tell(() => onRecovery?.())
    } catch (error) {
      if (this.#stop.signal.aborted) return
      this.#failures += 1
      const problem = messageOf(error)
      this.#problem = problem
      this.#schedule(this.#waitAfter(error))
      if (this.#failures === 1) tell(() => onFailure?.(problem))
    }
  }

  #waitAfter(error: unknown): number {
    const { retryMs, firstRetryMs } = this.#options
    const doubled = firstRetryMs * 2 ** Math.min(this.#failures - 1, 20)
    const wait = this.#succeededAt === undefined ? Math.min(retryMs, doubled) : retryMs
    const asked = error instanceof FetchError ? (error.retryAfterMs ?? 0) : 0
    this.#askedAt = this.#options.clock.monotonic() + asked
    return this.#jittered(Math.max(wait, asked))
  }

  /** Adds up to 20 %, and never shortens: Retry-After must be honoured. */
  #jittered(milliseconds: number): number {
    return milliseconds * (1 + this.#options.random() / 5)
  }

  #schedule(afterMs: number): void {
    if (this.#stop.signal.aborted) return
    clearTimeout(this.#timer)
    this.#dueAt = this.#options.clock.monotonic() + afterMs
    this.#timer = setTimeout(() => void this.refresh(), Math.max(0, afterMs))
    this.#timer.unref()
  }
}

/** A throwing logger must not stop the refreshing. */
function tell(what: () => void): void {
  try {
    what()
  } catch {
    // There is no other place to report to.
  }
}
