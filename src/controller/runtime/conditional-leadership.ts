import { pause } from '../../time/deadline.ts'
import type { Runnable } from './manager.ts'

export interface ConditionalLeadershipOptions {
  /** Makes the elector of one term. */
  readonly elector: () => Runnable
  /** Why this replica must not lead now; undefined where it may. */
  readonly unfit: () => unknown
  /** Calls back once it becomes unfit between two looks; returns how to stop that. */
  readonly onUnfit?: ((listener: () => void) => () => void) | undefined
  /** Milliseconds between two looks; default 1 s. */
  readonly everyMs?: number | undefined
}

/**
 * Stands for the leadership only while this replica is fit to lead: gives it up, the lease released, as soon as it is
 * not, and stands again when it is. A term that ends otherwise ends this too.
 */
export class ConditionalLeadership implements Runnable {
  readonly #options: ConditionalLeadershipOptions

  constructor(options: ConditionalLeadershipOptions) {
    this.#options = options
  }

  async run(signal: AbortSignal): Promise<void> {
    const { unfit, everyMs = 1_000 } = this.#options
    for (;;) {
      while (!signal.aborted && unfit() !== undefined) await pause(everyMs, signal).catch(() => undefined)
      if (signal.aborted || !(await this.#serve(signal, everyMs))) return
    }
  }

  /** True where the term ended because this replica became unfit. */
  async #serve(signal: AbortSignal, everyMs: number): Promise<boolean> {
    const { elector, unfit, onUnfit } = this.#options
    const term = new AbortController()
    const onAbort = () => term.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const forget = onUnfit?.(() => term.abort())
    const timer = setInterval(() => {
      if (unfit() !== undefined) term.abort()
    }, everyMs)
    try {
      await elector().run(term.signal)
    } finally {
      clearInterval(timer)
      forget?.()
      signal.removeEventListener('abort', onAbort)
    }
    return term.signal.aborted && !signal.aborted
  }
}
