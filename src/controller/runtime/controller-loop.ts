import { setImmediate as turn } from 'node:timers/promises'
import { askedToWait, KubeError } from '../../kube/client/api-errors.ts'
import { DeadlineError, withDeadline } from '../../time/deadline.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import type { Controller } from './manager.ts'
import type { Reconcile } from './reconcile.ts'
import type { WorkQueue } from './workqueue.ts'

type ReconcileOutcome = 'success' | 'requeue' | 'error' | 'timeout'

export interface ControllerLoopOptions {
  /** The name of the controller in logs, errors and metrics. */
  readonly name: string
  readonly queue: WorkQueue
  readonly reconcile: Reconcile
  /** How many keys are reconciled at a time; default 4. */
  readonly workers?: number | undefined
  /** Milliseconds that a run may take; default 30 s. */
  readonly deadlineMs?: number | undefined
  readonly logger?: Logger | undefined
  readonly onReconcile?:
    ((run: { controller: string; result: ReconcileOutcome; durationMs: number }) => void) | undefined
}

/** A conflict is logged as a warning from this many failures of the key in a row on. */
const suspicious = 5

/** Takes keys from a queue and reconciles several of them at a time, but never the same key twice at a time. */
export class ControllerLoop implements Controller {
  readonly name: string
  readonly queue: WorkQueue
  readonly #options: ControllerLoopOptions
  readonly #logger: Logger

  constructor(options: ControllerLoopOptions) {
    this.name = options.name
    this.queue = options.queue
    this.#options = options
    this.#logger = (options.logger ?? silentLogger).child({ controller: options.name })
  }

  /** Works until the signal is aborted, then waits for the current runs, whose signals are aborted too. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.workers ?? 4 }, () => this.#work(signal)))
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let key = await this.queue.get(signal); key !== undefined; key = await this.queue.get(signal)) {
      try {
        await this.#reconcile(key, signal)
      } finally {
        this.queue.done(key)
      }
      // A run without a request never yields: thousands of them after a restart would block the event loop, and with
      // it the renewal of the Lease.
      await turn()
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { reconcile, deadlineMs = 30_000, onReconcile } = this.#options
    const startedAt = performance.now()
    let outcome: ReconcileOutcome
    try {
      const result = await withDeadline(deadlineMs, signal, (limited) => reconcile(key, limited))
      const after = result?.requeueAfterMs
      this.queue.forget(key)
      if (after !== undefined) this.queue.addAfter(key, after)
      outcome = after === undefined ? 'success' : 'requeue'
    } catch (error) {
      // The abort made the run fail. If the loop runs again, an interrupted key is reconciled first.
      if (signal.aborted) {
        this.queue.add(key)
        return
      }
      outcome = this.#failed(key, error)
    }
    onReconcile?.({ controller: this.name, result: outcome, durationMs: performance.now() - startedAt })
  }

  #failed(key: string, error: unknown): ReconcileOutcome {
    this.queue.addRateLimited(key, askedToWait(error))
    const failures = this.queue.failures(key)
    // Another writer was quicker, and a retry reads its write; only a competing writer causes many conflicts in a row.
    const expected = error instanceof KubeError && (error.isConflict || error.isAlreadyExists) && failures < suspicious
    const fields = { key, error, failures }
    if (expected) this.#logger.debug('reconcile will be retried', fields)
    else this.#logger.warn('reconcile failed, will be retried', fields)
    return error instanceof DeadlineError ? 'timeout' : 'error'
  }
}
