import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { Reason } from '../../policy/reasons.ts'
import type { RevocationProgress } from './decide.ts'

/** The Events of a revocation that was applied or cannot be applied. */
interface Announcement {
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  /** For the Event of the TokenRevocation. */
  readonly note: string
  /** For the Event of the ServiceIdentity; absent if nothing of it was revoked. */
  readonly identityNote?: string
}

/** Undefined while the revocation is being applied, or its time has not come. */
export function announcementOf(
  { metadata, spec }: TokenRevocation,
  { applied, reason, message }: RevocationProgress,
): Announcement | undefined {
  if (reason === Reason.Applying || reason === Reason.NotYet) return undefined
  if (!applied) return { type: 'Warning', reason, note: message }
  return {
    type: 'Normal',
    reason,
    note: message,
    identityNote: `${what(spec)} revoked by TokenRevocation ${metadata.name}`,
  }
}

function what({ keyID, tokenID, issuedBefore = '' }: TokenRevocation['spec']): string {
  if (keyID !== undefined) return `key ${keyID}`
  return tokenID === undefined ? `tokens issued before ${issuedBefore}` : `token ${tokenID}`
}
