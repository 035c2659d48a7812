import { SignetError } from '../../errors.ts'
import { settles, untilAborted } from '../../time/deadline.ts'
import { type Logger, silentLogger } from '../../logger.ts'

/** Anything that works until its signal is aborted. */
export interface Runnable {
  run(signal: AbortSignal): Promise<void>
}

/** A watch that the controllers read from. */
export interface Source extends Runnable {
  /** Resolves once the first list is complete. */
  synced(signal?: AbortSignal): Promise<void>
}

/** Runs only while this replica leads. */
export interface Controller extends Runnable {
  /** For errors. */
  readonly name: string
}

export interface ManagerOptions {
  /** Creates the elector that runs the controllers while it leads; absent: this replica always leads. */
  readonly elector?: ((onStartedLeading: (signal: AbortSignal) => Promise<void>) => Runnable) | undefined
  /** Milliseconds that a stop may take; default 30 s. */
  readonly graceMs?: number | undefined
  readonly logger?: Logger | undefined
}

/** Starts the sources of a process, then its controllers, and stops them together. */
export class Manager implements Runnable {
  readonly #options: ManagerOptions
  readonly #sources = new Map<string, Source>()
  readonly #controllers: Controller[] = []

  constructor(options: ManagerOptions = {}) {
    this.#options = options
  }

  /** Sources run on every replica. */
  addSource(name: string, source: Source): void {
    this.#sources.set(name, source)
  }

  /** Controllers run on the leader, once all sources are synced. */
  addController(controller: Controller): void {
    this.#controllers.push(controller)
  }

  /**
   * Resolves after an abort and a graceful stop. Otherwise stops everything and rejects: if a source or controller
   * fails or ends (`ERR_ENDED`), if the leadership is lost, or if a stop exceeds `graceMs` (`ERR_STOP_TIMEOUT`).
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = new AbortController()
    const onAbort = () => stop.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const failures: unknown[] = []
    const running: Promise<void>[] = []
    const fail = (error: unknown) => {
      // After the abort no error is a failure, not even a loss of the leadership.
      if (stop.signal.aborted) return
      failures.push(error)
      stop.abort(error)
    }
    const start = (name: string, work: Promise<void>) => {
      running.push(endless(name, work, stop.signal).catch(fail))
    }
    try {
      for (const [name, source] of this.#sources) start(`watch "${name}"`, source.run(stop.signal))
      await this.#startControllers(start, (work) => running.push(work), stop.signal).catch(fail)
      await untilAborted(stop.signal)
      await this.#settle(running)
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    if (failures.length > 0) throw failures[0]
  }

  async #startControllers(
    start: (name: string, work: Promise<void>) => void,
    alsoAwait: (work: Promise<void>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all([...this.#sources.values()].map((source) => source.synced(signal)))
    const lead = async (leading: AbortSignal): Promise<void> => {
      const works = this.#controllers.map((controller) =>
        endless(`controller "${controller.name}"`, controller.run(leading), leading),
      )
      // An elector that has lost the lease does not wait for the controllers; a stop does.
      alsoAwait(Promise.allSettled(works).then(() => undefined))
      await Promise.all(works)
    }
    start('leader election', this.#options.elector?.(lead).run(signal) ?? lead(signal))
  }

  async #settle(running: readonly Promise<void>[]): Promise<void> {
    const { graceMs = 30_000, logger = silentLogger } = this.#options
    if (await settles(Promise.all(running), graceMs)) return
    logger.error('stopping took too long', { graceMs })
    throw new SignetError('ERR_STOP_TIMEOUT', `not stopped within ${graceMs} ms`)
  }
}

/** Rejects if the work ends before the signal is aborted. */
async function endless(name: string, work: Promise<void>, signal: AbortSignal): Promise<void> {
  await work
  if (!signal.aborted) throw new SignetError('ERR_ENDED', `${name} ended unexpectedly`)
}
