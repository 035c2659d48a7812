import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { KeyRingError } from '../../keys/key-ring/errors.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { parseTime } from '../../time/clock.ts'
import type { Outcome } from './status.ts'

/**
 * What the status says about a failed reconcile: a failure that the user can repair, or else that the tokens have
 * expired meanwhile. Undefined while neither is the case; the failure is logged and retried anyway.
 */
export function failureOf(
  error: unknown,
  { status }: ServiceIdentity,
  now: number,
): Pick<Outcome, 'keysViolation' | 'tokensViolation'> | undefined {
  const repairable = repairableViolation(error)
  if (repairable !== undefined) return { keysViolation: repairable }
  const expiresAt = parseTime(status?.expiresAt)
  if (expiresAt === undefined || now < expiresAt) return undefined
  const message = "Tokens have expired and cannot be renewed: see the controller's log"
  return { tokensViolation: { reason: Reason.Expired, message } }
}

function repairableViolation(error: unknown): Violation | undefined {
  if (error instanceof KeyRingError) return { reason: Reason.KeyRingUnusable, message: error.message }
  if (error instanceof KubeError && error.isForbidden) return { reason: Reason.Forbidden, message: error.message }
  if (error instanceof KubeError && error.isInvalid) return { reason: Reason.Refused, message: error.message }
  return undefined
}
