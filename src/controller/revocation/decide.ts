import { ConditionType, findCondition } from '../../api/v1alpha1/conditions.ts'
import { latestEnd } from '../../api/v1alpha1/revocation.ts'
import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { formatTime, parseTime } from '../../time/clock.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { keyRetention } from '../../rotation/lifetimes.ts'
import { issuedBeforeOf } from './issued-before.ts'

/** How far a revocation has come, from what the controller has written into the identity's status. */
export interface Verdict extends Violation {
  readonly applied: boolean
  /** When nothing that is revoked can be alive any more; absent while that is not known. */
  readonly expiresAt?: number
  /** When the verdict changes by time alone, besides at `expiresAt`. */
  readonly lookAgainAt?: number
}

interface RevocationInput {
  readonly revocation: TokenRevocation
  /** The identity that it names; undefined where there is none. */
  readonly identity: ServiceIdentity | undefined
  readonly now: number
}

/**
 * Pure; equal facts give an equal verdict. The status of an identity is written after its public keys and its Secret, so
 * what it says has happened. What has been applied once stays so.
 */
export function decide(input: RevocationInput): Verdict {
  const { revocation, identity, now } = input
  const before = issuedBeforeOf(revocation)
  if (typeof before === 'object') return { applied: false, ...before }
  const settled = settledVerdict(revocation)
  if (settled !== undefined) return settled
  if (identity === undefined) {
    const message = `There is no ServiceIdentity ${revocation.spec.identity} in this namespace, so nothing of it verifies`
    return { applied: false, reason: Reason.IdentityMissing, message, expiresAt: latestEnd(revocation) }
  }
  const { keyID, tokenID } = revocation.spec
  if (keyID !== undefined) return keyVerdict(keyID, identity, revocation)
  if (tokenID !== undefined) return tokenVerdict(tokenID, identity, revocation)
  return timeVerdict(before ?? 0, identity, revocation, now)
}

function settledVerdict({ status }: TokenRevocation): Verdict | undefined {
  const condition = findCondition(status?.conditions, ConditionType.Applied)
  const expiresAt = parseTime(status?.expiresAt)
  if (condition?.status !== 'True' || expiresAt === undefined) return undefined
  return { applied: true, reason: Reason.Revoked, message: condition.message, expiresAt }
}

function keyVerdict(keyID: string, { metadata, status }: ServiceIdentity, revocation: TokenRevocation): Verdict {
  const key = status?.keys?.find((known) => known.keyID === keyID)
  if (key === undefined) {
    const message = `Key ${keyID} is not among the keys of ${metadata.name}, and verifies no token of it`
    return { applied: false, reason: Reason.KeyUnknown, message, expiresAt: latestEnd(revocation) }
  }
  if (key.state !== 'Revoked') return applying(`Key ${keyID} is about to leave the JWK Set`)
  if (status?.tokens?.some((token) => token.keyID === keyID) === true) {
    return applying(`Key ${keyID} has left the JWK Set, and the tokens it signed are being replaced`)
  }
  const message = `Key ${keyID} has left the JWK Set, and no mounted token is signed by it`
  return applied(message, parseTime(key.removeAt) ?? latestEnd(revocation))
}

function tokenVerdict(tokenID: string, { metadata, status }: ServiceIdentity, revocation: TokenRevocation): Verdict {
  const token = status?.tokens?.find((known) => known.tokenID === tokenID)
  if (token !== undefined) {
    const end = parseTime(token.expiresAt)
    const expiresAt = end === undefined ? latestEnd(revocation) : end + keyRetention
    return { ...applying(`Token ${tokenID} is being replaced`), expiresAt }
  }
  const message = `No mounted token of ${metadata.name} has the ID ${tokenID}`
  return applied(message, parseTime(revocation.status?.expiresAt) ?? latestEnd(revocation))
}

function timeVerdict(
  before: number,
  { metadata, status }: ServiceIdentity,
  revocation: TokenRevocation,
  now: number,
): Verdict {
  const expiresAt = latestEnd(revocation)
  const time = formatTime(before)
  if (now < before) {
    return { applied: false, reason: Reason.NotYet, message: `Waiting for ${time}`, expiresAt, lookAgainAt: before }
  }
  if (status?.tokens?.some(({ issuedAt }) => (parseTime(issuedAt) ?? 0) < before) === true) {
    return { ...applying(`Tokens issued before ${time} are being replaced`), expiresAt }
  }
  return applied(`No mounted token of ${metadata.name} was issued before ${time}`, expiresAt)
}

function applying(message: string): Verdict {
  return { applied: false, reason: Reason.Applying, message }
}

function applied(message: string, expiresAt: number): Verdict {
  return { applied: true, reason: Reason.Revoked, message, expiresAt }
}
