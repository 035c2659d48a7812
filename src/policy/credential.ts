import { canonicalJson } from '../json.ts'
import { clockTolerance } from '../time/clock-tolerance.ts'
import { formatTime } from '../time/clock.ts'
import { renewAt } from '../rotation/lifetimes.ts'
import { type Check, firstViolation } from './chain.ts'
import { Reason, type Violation } from './reasons.ts'

/** A token that the identity's spec asks for. `lifetime` in milliseconds. */
export interface WantedToken {
  readonly name: string
  readonly audience: string
  readonly lifetime: number
  readonly profile: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** A token in the workload Secret whose signature was verified with a key of the identity's ring. */
export interface IssuedToken {
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly profile: string
  readonly keyID: string
  readonly tokenID: string
  /** Both in milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** The claims besides those of the profile. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The content of the Secret for one token: nothing, an unusable text, or a verified token. */
export type FoundToken =
  | { readonly state: 'absent' }
  | { readonly state: 'unusable'; readonly reason: Reason }
  | { readonly state: 'issued'; readonly token: IssuedToken }

/** The identity's revoked tokens, besides those whose key is revoked. */
export interface RevokedTokens {
  readonly tokenIDs: ReadonlySet<string>
  /** Revokes every token issued before this time, in milliseconds since the epoch; never later than now. */
  readonly issuedBefore?: number
}

interface CredentialInput {
  readonly wanted: WantedToken
  readonly found: FoundToken
  readonly issuer: string
  readonly subject: string
  readonly now: number
  readonly revoked?: RevokedTokens
}

const tokenMissing: Check<CredentialInput> = ({ found, wanted }) =>
  found.state === 'absent' ? { reason: Reason.Missing, message: `Token ${wanted.name} does not exist yet` } : undefined

/** The token expired, was altered, or its key is gone. */
const tokenUnusable: Check<CredentialInput> = ({ found, wanted }) =>
  found.state === 'unusable'
    ? { reason: found.reason, message: `The stored token ${wanted.name} cannot be used` }
    : undefined

/** The token's ID or time of issue is revoked; its key is still trusted. */
const tokenRevoked: Check<CredentialInput> = ({ found, wanted, revoked }) => {
  if (found.state !== 'issued' || revoked === undefined) return undefined
  const { tokenID, notBefore } = found.token
  return revoked.tokenIDs.has(tokenID) || notBefore < (revoked.issuedBefore ?? Number.NEGATIVE_INFINITY)
    ? { reason: Reason.Revoked, message: `Token ${wanted.name} with the ID ${tokenID} is revoked` }
    : undefined
}

const tokenDiffersFromSpec: Check<CredentialInput> = ({ found, wanted, issuer, subject }) => {
  if (found.state !== 'issued') return undefined
  const differences = differingFields(found.token, wanted, issuer, subject)
  return differences.length > 0
    ? { reason: Reason.SpecChanged, message: `Token ${wanted.name} differs in ${differences.join(', ')}` }
    : undefined
}

/** A token past its renewal time is reissued while the old one still verifies. */
const tokenNearsExpiry: Check<CredentialInput> = ({ found, wanted, now, subject }) =>
  found.state === 'issued' && now >= tokenRenewAt(found.token, wanted.name, subject)
    ? { reason: Reason.Renewing, message: `Token ${wanted.name} expires at ${formatTime(found.token.notAfter)}` }
    : undefined

/** Every verifier refuses such a token. Causes: the clock was set back, or the token was issued elsewhere. */
const tokenFromTheFuture: Check<CredentialInput> = ({ found, wanted, now }) =>
  found.state === 'issued' && found.token.notBefore > now + clockTolerance
    ? {
        reason: Reason.Unusable,
        message: `Token ${wanted.name} is not valid before ${formatTime(found.token.notBefore)}`,
      }
    : undefined

const credentialChecks: readonly Check<CredentialInput>[] = [
  tokenMissing,
  tokenUnusable,
  tokenRevoked,
  tokenDiffersFromSpec,
  tokenFromTheFuture,
  tokenNearsExpiry,
]

/** Why a token must be minted now; undefined while the current one is valid. */
export function mintReason(input: CredentialInput): Violation | undefined {
  return firstViolation(credentialChecks, input)
}

/** When the token is due for renewal, in milliseconds since the epoch; the same for every caller. */
export function tokenRenewAt(token: IssuedToken, tokenName: string, subject: string): number {
  return renewAt(token, `${subject} ${tokenName}`)
}

function differingFields(token: IssuedToken, wanted: WantedToken, issuer: string, subject: string): string[] {
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['issuer', token.issuer, issuer],
    ['subject', token.subject, subject],
    ['audience', token.audience, wanted.audience],
    ['profile', token.profile, wanted.profile],
    ['lifetime', token.notAfter - token.notBefore, wanted.lifetime],
    ['claims', canonicalJson(token.claims), canonicalJson(wanted.claims)],
  ]
  return pairs.filter(([, is, should]) => is !== should).map(([field]) => field)
}
