import { SignetError } from '../../errors.ts'
import { settles, untilAborted } from '../../time/deadline.ts'
import { type Logger, silentLogger } from '../../logger.ts'

/** Anything that works until its signal is aborted. */
export interface Runnable {
  run(signal: AbortSignal): Promise<void>
}

/** What workers wait for: a reflector. */
export interface Source extends Runnable {
  synced(signal?: AbortSignal): Promise<void>
}

export interface ManagerOptions {
  /** Makes the elector around what only a leader may run; absent: always lead. */
  readonly elector?: ((onStartedLeading: (signal: AbortSignal) => Promise<void>) => Runnable) | undefined
  /** Milliseconds that a stop may take; default 30 s. */
  readonly graceMs?: number | undefined
  readonly logger?: Logger | undefined
}

/** Starts the parts of a process in order and stops them together. */
export class Manager {
  readonly #options: ManagerOptions
  readonly #sources: Source[] = []
  readonly #runnables: Runnable[] = []
  readonly #leaderRunnables: Runnable[] = []

  constructor(options: ManagerOptions = {}) {
    this.#options = options
  }

  /** Runs on every replica. */
  addSource(source: Source): void {
    this.#sources.push(source)
  }

  /** Runs on every replica, once all sources are synced. */
  addRunnable(runnable: Runnable): void {
    this.#runnables.push(runnable)
  }

  /** Runs only on the leader, once all sources are synced. */
  addLeaderRunnable(runnable: Runnable): void {
    this.#leaderRunnables.push(runnable)
  }

  /**
   * Resolves after an abort and a graceful stop. Rejects, everything stopped, where a part fails, ends of itself or
   * loses the leadership, or where a stop takes longer than its grace.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const onAbort = () => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const failures: unknown[] = []
    const running: Promise<void>[] = []
    const start = (work: Promise<void>) => {
      const watched = work.then(
        () => {
          if (!stop.signal.aborted) throw new SignetError('ERR_ENDED', 'a part of the process ended of itself')
        },
        (error: unknown) => {
          // What an abort makes parts throw is no failure; a loss of leadership during it still is none.
          if (!stop.signal.aborted) throw error
        },
      )
      running.push(
        watched.catch((error: unknown) => {
          failures.push(error)
          stop.abort(error)
        }),
      )
    }
    try {
      for (const source of this.#sources) start(source.run(stop.signal))
      await this.#startRest(start, (work) => running.push(work), stop.signal)
      await untilAborted(stop.signal)
      await this.#settle(running)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    if (failures.length > 0) throw failures[0]
  }

  async #startRest(
    start: (work: Promise<void>) => void,
    alsoAwait: (work: Promise<void>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await Promise.all(this.#sources.map((source) => source.synced(signal)))
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    const lead = async (leading: AbortSignal): Promise<void> => {
      const works = this.#leaderRunnables.map((runnable) => runnable.run(leading))
      // An elector that has lost the lease does not wait for them; a stop does.
      alsoAwait(Promise.allSettled(works).then(() => undefined))
      await Promise.all(works)
    }
    for (const runnable of this.#runnables) start(runnable.run(signal))
    start(this.#options.elector?.(lead).run(signal) ?? lead(signal))
  }

  async #settle(running: readonly Promise<void>[]): Promise<void> {
    const { graceMs = 30_000, logger = silentLogger } = this.#options
    if (await settles(Promise.all(running), graceMs)) return
    logger.error('stopping took too long', { graceMs })
    throw new SignetError('ERR_STOP_TIMEOUT', `not stopped within ${graceMs} ms`)
  }
}
