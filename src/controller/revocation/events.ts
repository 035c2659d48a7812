import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { Reason } from '../../policy/reasons.ts'
import type { Verdict } from './decide.ts'

/** What an Event says of a verdict that is new; undefined where it is only on its way. */
interface Announcement {
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  /** For the Event of the TokenRevocation. */
  readonly note: string
  /** For the Event of the ServiceIdentity; absent where nothing happened to it. */
  readonly identityNote?: string
}

export function describeVerdict(
  { metadata, spec }: TokenRevocation,
  { applied, reason, message }: Verdict,
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
