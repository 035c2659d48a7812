import { ConditionType, setCondition } from '../../api/v1alpha1/conditions.ts'
import type { TokenRevocation, TokenRevocationStatus } from '../../api/v1alpha1/types.ts'
import { formatTime } from '../../time/clock.ts'
import type { RevocationProgress } from './decide.ts'

/** The status that follows from the progress. Pure; equal facts give an equal status. */
export function statusOf(
  { metadata, status }: TokenRevocation,
  progress: RevocationProgress,
  now: number,
): TokenRevocationStatus {
  const observedGeneration = metadata.generation ?? 0
  const { applied, reason, message, expiresAt } = progress
  const condition = {
    type: ConditionType.Applied,
    status: applied ? 'True' : 'False',
    reason,
    message,
    observedGeneration,
  } as const
  return {
    observedGeneration,
    conditions: setCondition(status?.conditions, condition, now),
    ...(expiresAt === undefined ? {} : { expiresAt: formatTime(expiresAt) }),
  }
}
