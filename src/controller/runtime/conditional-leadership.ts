import { pause } from '../../time/deadline.ts'
import type { Runnable } from './manager.ts'

export interface ConditionalLeadershipOptions {
  /** Creates the elector of one term. */
  readonly elector: () => Runnable
  /** Why this replica must not lead now; undefined if it may. */
  readonly unfit: () => unknown
  /** Calls the listener when the replica becomes unfit between two checks; returns a function that unsubscribes. */
  readonly onUnfit?: ((listener: () => void) => () => void) | undefined
  /** Milliseconds between two checks; default 1 s. */
  readonly everyMs?: number | undefined
}

/**
 * Competes for the leadership only while this replica is fit to lead. An unfit leader releases the Lease at once, and
 * competes again when it is fit. A term that ends for another reason ends `run` too.
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

  /** True if the term ended because this replica became unfit. */
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
