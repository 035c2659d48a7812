import { formatTime } from '../../time/clock.ts'
import type { Condition } from './types.ts'

/** Condition types of ServiceIdentity and TokenRevocation. */
export const ConditionType = {
  /** The keys and tokens are ready. */
  Ready: 'Ready',
  /** The public keys are stored where the authority serves them, and one key signs. */
  KeysReady: 'KeysReady',
  /** The workload Secret contains every token of the spec, none due for renewal. */
  TokensReady: 'TokensReady',
  /** The TokenRevocation is in force: its key is withdrawn, or none of its tokens is mounted. */
  Applied: 'Applied',
} as const
export type ConditionType = (typeof ConditionType)[keyof typeof ConditionType]

type ConditionStatus = Condition['status']

/** The current judgement of a condition, not yet merged into the status. */
export interface ConditionJudgement {
  readonly type: ConditionType
  readonly status: ConditionStatus
  /** One CamelCase word. */
  readonly reason: string
  /** One sentence, identical until the facts change. */
  readonly message: string
  /** The `metadata.generation` of the judged object. */
  readonly observedGeneration: number
}

/**
 * Sets a condition. `lastTransitionTime` becomes `now` (milliseconds since the epoch) only when the status changes, as
 * the Kubernetes API conventions require. The order of conditions is kept, so that an equal judgement gives an equal
 * list.
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

/** Whether the condition exists with status True. */
export function isConditionTrue(conditions: readonly Condition[] | undefined, type: ConditionType): boolean {
  return findCondition(conditions, type)?.status === 'True'
}
