import { formatTime } from '../../time/clock.ts'
import type { Condition } from './types.ts'

/** The conditions of a ServiceIdentity, and of a TokenRevocation. */
export const ConditionType = {
  /** Keys and tokens are both in place. */
  Ready: 'Ready',
  /** The public keys are stored where the authority serves them, and one signs. */
  KeysReady: 'KeysReady',
  /** Every token of the spec is in the workload Secret and fresh. */
  TokensReady: 'TokensReady',
  /** What a TokenRevocation names is trusted no more: its key is withdrawn, or no such token is mounted. */
  Applied: 'Applied',
} as const
export type ConditionType = (typeof ConditionType)[keyof typeof ConditionType]

type ConditionStatus = Condition['status']

/** A condition as it was judged now, before it is compared with what the status says already. */
export interface ConditionJudgement {
  readonly type: ConditionType
  readonly status: ConditionStatus
  /** One CamelCase word. */
  readonly reason: string
  /** A sentence that stays the same until the facts change. */
  readonly message: string
  /** The `metadata.generation` that was judged. */
  readonly observedGeneration: number
}

/**
 * The conditions with this one set. The transition time is `now` (milliseconds since the epoch) where the status is
 * new or another than before, and stays otherwise, as the Kubernetes API conventions ask. Order is kept, so that an
 * unchanged judgement gives equal conditions.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  judgement: ConditionJudgement,
  now: number,
): Condition[] {
  const present = conditions ?? []
  const previous = findCondition(present, judgement.type)
  const unchanged = previous?.status === judgement.status
  const next: Condition = {
    type: judgement.type,
    status: judgement.status,
    observedGeneration: judgement.observedGeneration,
    lastTransitionTime: unchanged ? previous.lastTransitionTime : formatTime(now),
    reason: judgement.reason,
    message: judgement.message,
  }
  if (previous === undefined) return [...present, next]
  return present.map((condition) => (condition === previous ? next : condition))
}

export function findCondition(
  conditions: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return conditions?.find((condition) => condition.type === type)
}

/** Whether the condition is there and true. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return findCondition(conditions, type)?.status === 'True'
}
