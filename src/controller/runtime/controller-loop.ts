import { setImmediate as turn } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import { askedToWait, KubeError } from '../../kube/client/api-errors.ts'
import { DeadlineError, withDeadline } from '../../time/deadline.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { type Reconcile, StalledError } from './reconcile.ts'
import type { WorkQueue } from './workqueue.ts'

type ReconcileOutcome = 'success' | 'requeue' | 'error' | 'stalled' | 'timeout'

export interface ControllerLoopOptions {
  /** Names the controller in logs and metrics. */
  readonly name: string
  readonly queue: WorkQueue
  readonly reconcile: Reconcile
  /** Default 4. */
  readonly workers?: number | undefined
  /** Milliseconds a run may take; default 30 s. */
  readonly deadlineMs?: number | undefined
  readonly logger?: Logger | undefined
  readonly onReconcile?:
    ((run: { controller: string; result: ReconcileOutcome; durationMs: number }) => void) | undefined
}

/** From so many failures in a row on, also one that is to be expected now and then is worth a warning. */
const suspicious = 5

/** Takes keys from a queue and reconciles them, several at a time, never the same one twice at a time. */
export class ControllerLoop {
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

  /** Works until the signal is aborted, then waits for the runs under way, whose signals are aborted too. */
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
      // A run that asks nothing of the API server never waits: thousands of them after a restart would hold up the
      // event loop, and with it the Lease.
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
      // Not the reconciler's fault. This loop may be run again: what was under way then comes first.
      if (signal.aborted) {
        this.queue.add(key)
        return
      }
      outcome = this.#failed(key, error)
    }
    onReconcile?.({ controller: this.name, result: outcome, durationMs: performance.now() - startedAt })
  }

  #failed(key: string, error: unknown): ReconcileOutcome {
    if (error instanceof StalledError) {
      this.queue.forget(key)
      this.#logger.warn('reconcile stalled until something changes', { key, reason: messageOf(error) })
      return 'stalled'
    }
    this.queue.addRateLimited(key, askedToWait(error))
    const failures = this.queue.failures(key)
    // Somebody else was quicker: the next look at the cluster settles it, unless somebody fights us.
    const expected = error instanceof KubeError && (error.isConflict || error.isAlreadyExists) && failures < suspicious
    const fields = { key, error, failures }
    if (expected) this.#logger.debug('reconcile will be tried again', fields)
    else this.#logger.warn('reconcile failed, will be tried again', fields)
    return error instanceof DeadlineError ? 'timeout' : 'error'
  }
}
