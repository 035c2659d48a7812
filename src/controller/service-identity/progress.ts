import type { Violation } from '../../policy/reasons.ts'
import type { KeyOutcome } from '../key-ring/reconciler.ts'
import type { Outcome } from './status.ts'
import type { WorkloadToken } from './workload-tokens.ts'

/** How far one reconcile came. A step that was not reached is absent. */
export interface Progress {
  /** For the status. */
  readonly outcome: Outcome
  readonly keys?: KeyOutcome
  readonly tokens?: readonly WorkloadToken[]
  /** When to reconcile again although nothing changes, in milliseconds since the epoch. */
  readonly lookAgainAt?: number
  /** Why the keys stay untouched; see KeyRingBlockedError. */
  readonly blocked?: Violation
}
