import { issuedBeforeTime } from '../../api/v1alpha1/revocation.ts'
import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'

/** The time before which tokens are revoked, as `issuedBeforeTime` reads it, or what to tell where it is refused. */
export function issuedBeforeOf(revocation: TokenRevocation): number | Violation | undefined {
  const time = issuedBeforeTime(revocation)
  if (time !== 'refused') return time
  return {
    reason: Reason.TooFarAhead,
    message:
      `issuedBefore ${revocation.spec.issuedBefore ?? ''} is more than 60 seconds after this object was created; ` +
      'create another TokenRevocation with a time that has come',
  }
}
