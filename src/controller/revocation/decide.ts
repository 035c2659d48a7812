import { ConditionType, findCondition } from '../../api/v1alpha1/conditions.ts'
import { latestEnd } from '../../api/v1alpha1/revocation.ts'
import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { formatTime, parseTime } from '../../time/clock.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { keyRetention } from '../../rotation/lifetimes.ts'
import { issuedBeforeOf } from './revoked.ts'

/** How far a revocation is, as the status of the identity shows. */
export interface RevocationProgress extends Violation {
  readonly applied: boolean
  /** When everything revoked has expired, in milliseconds since the epoch; absent while unknown. */
  readonly expiresAt?: number
  /** When the progress changes by time alone, besides at `expiresAt`. */
  readonly lookAgainAt?: number
}

interface RevocationInput {
  readonly revocation: TokenRevocation
  /** The identity that the revocation names; undefined if it does not exist. */
  readonly identity: ServiceIdentity | undefined
  readonly now: number
}

/**
 * Pure; equal facts give an equal progress. The status of an identity is written after its public keys and its Secret,
 * so every change that the status shows has happened. An applied revocation stays applied.
 */
export function decide(input: RevocationInput): RevocationProgress {
  const { revocation, identity, now } = input
  const time = issuedBeforeOf(revocation)
  if (typeof time === 'object') return { applied: false, ...time }
  const before = appliedBefore(revocation)
  if (before !== undefined) return before
  if (identity === undefined) {
    const message = `ServiceIdentity ${revocation.spec.identity} does not exist in this namespace, so none of its tokens verify`
    return { applied: false, reason: Reason.IdentityMissing, message, expiresAt: latestEnd(revocation) }
  }
  const { keyID, tokenID } = revocation.spec
  if (keyID !== undefined) return ofKey(keyID, identity, revocation)
  if (tokenID !== undefined) return ofToken(tokenID, identity, revocation)
  return ofTime(time ?? 0, identity, revocation, now)
}

function appliedBefore({ status }: TokenRevocation): RevocationProgress | undefined {
  const condition = findCondition(status?.conditions, ConditionType.Applied)
  const expiresAt = parseTime(status?.expiresAt)
  if (condition?.status !== 'True' || expiresAt === undefined) return undefined
  return { applied: true, reason: Reason.Revoked, message: condition.message, expiresAt }
}

function ofKey(keyID: string, { metadata, status }: ServiceIdentity, revocation: TokenRevocation): RevocationProgress {
  const key = status?.keys?.find((known) => known.keyID === keyID)
  if (key === undefined) {
    const message = `Key ${keyID} is not a key of ServiceIdentity ${metadata.name}, and verifies none of its tokens`
    return { applied: false, reason: Reason.KeyUnknown, message, expiresAt: latestEnd(revocation) }
  }
  if (key.state !== 'Revoked') return applying(`Key ${keyID} is being removed from the JWK Set`)
  if (status?.tokens?.some((token) => token.keyID === keyID) === true) {
    return applying(`Key ${keyID} has left the JWK Set, and the tokens that it signed are being replaced`)
  }
  const message = `Key ${keyID} has left the JWK Set, and no mounted token is signed by it`
  return applied(message, parseTime(key.removeAt) ?? latestEnd(revocation))
}

function ofToken(
  tokenID: string,
  { metadata, status }: ServiceIdentity,
  revocation: TokenRevocation,
): RevocationProgress {
  const token = status?.tokens?.find((known) => known.tokenID === tokenID)
  if (token !== undefined) {
    const end = parseTime(token.expiresAt)
    const expiresAt = end === undefined ? latestEnd(revocation) : end + keyRetention
    return { ...applying(`Token ${tokenID} is being replaced`), expiresAt }
  }
  const message = `No mounted token of ${metadata.name} has the ID ${tokenID}`
  return applied(message, parseTime(revocation.status?.expiresAt) ?? latestEnd(revocation))
}

function ofTime(
  before: number,
  { metadata, status }: ServiceIdentity,
  revocation: TokenRevocation,
  now: number,
): RevocationProgress {
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

function applying(message: string): RevocationProgress {
  return { applied: false, reason: Reason.Applying, message }
}

function applied(message: string, expiresAt: number): RevocationProgress {
  return { applied: true, reason: Reason.Revoked, message, expiresAt }
}
