import type { Clock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { FetchError } from '../http/fetch-error.ts'

export interface RefresherOptions {
  /** Brings what is held up to date; rejects where it could not, and then what is held stays. */
  readonly load: (signal: AbortSignal) => Promise<void>
  /** Milliseconds from one load to the next where all is well. */
  readonly everyMs: number
  /** Milliseconds between loads once something is held and the last load has failed. */
  readonly retryMs: number
  /** Milliseconds after the first failure while nothing has ever been loaded; doubles up to `retryMs`. */
  readonly firstRetryMs: number
  readonly clock: Pick<Clock, 'monotonic'>
  /** In [0, 1). */
  readonly random: () => number
  /** Told of the first failure after a success, and of the first success after a failure. */
  readonly onFailure?: ((problem: string) => void) | undefined
  readonly onRecovery?: (() => void) | undefined
}

/**
 * Keeps something fresh in the background: one load at a time, jittered so that a fleet that was started at once spreads
 * out, and never holding up the end of the process. What fails is tried again for ever.
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
  /** Until when the authority has asked to be left alone. */
  #askedAt = Number.NEGATIVE_INFINITY
  readonly #loaded = Promise.withResolvers<undefined>()

  constructor(options: RefresherOptions) {
    this.#options = options
  }

  /** When the last load began, on the monotonic clock. */
  get startedAt(): number {
    return this.#startedAt
  }

  /** Milliseconds since what is held was last known to be what the authority has; undefined while nothing is held. */
  get ageMs(): number | undefined {
    return this.#succeededAt === undefined ? undefined : this.#options.clock.monotonic() - this.#succeededAt
  }

  /** Why the last load failed; undefined where it did not. */
  get problem(): string | undefined {
    return this.#problem
  }

  get loading(): boolean {
    return this.#flight !== undefined
  }

  /** Resolves with the first load that succeeds; never rejects. */
  get loaded(): Promise<void> {
    return this.#loaded.promise
  }

  /** When another load may begin, on the monotonic clock: `coolDownMs` after the last, and not before the authority said. */
  mayLoadAt(coolDownMs: number): number {
    return Math.max(this.#startedAt + coolDownMs, this.#askedAt)
  }

  /** Loads now, or joins the load that is under way. Never rejects: `problem` says what came of it. */
  refresh(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve()
    this.#flight ??= this.#load().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  /** Has the next load begin no later than at `time`, on the monotonic clock. */
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

  /** A fifth more at most, never less: limits are kept. */
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

/** A logger that throws, which is somebody else's, ends no refreshing. */
function tell(what: () => void): void {
  try {
    what()
  } catch {
    // There is nobody left to tell.
  }
}
