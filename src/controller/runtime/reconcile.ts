/** Asks for another run of the same key after this many milliseconds, although nothing changes. */
export interface ReconcileResult {
  readonly requeueAfterMs?: number | undefined
}

/**
 * Brings the object of one key to its wanted state, starting from its current state, never from the change that woke
 * it. A throw is retried with back-off; `signal` is aborted at the deadline.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | undefined>

/** The one method of every controller that a ControllerLoop drives. */
export interface Reconciler {
  reconcile: Reconcile
}
