import { SignetError } from '../../errors.ts'

/** Ask to run again after this many milliseconds even if nothing changes. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number | undefined
}

/**
 * Brings the world of one key to what is wanted, starting from what is there now, never from what changed. A throw is
 * retried with back-off; a StalledError waits until something changes; `signal` is aborted at the deadline.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>

/** Only a change by the user can help: there is no use in trying again before one. */
export class StalledError extends SignetError {
  constructor(message: string, options?: ErrorOptions & { code?: string }) {
    super(options?.code ?? 'ERR_STALLED', message, options)
  }
}
