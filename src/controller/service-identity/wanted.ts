import { effectiveSigningKey, effectiveTokens } from '../../api/v1alpha1/defaults.ts'
import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { violationsOf } from '../../api/v1alpha1/validate.ts'
import { issuerOf, type IssuerScope } from '../../identity/issuer.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import { rotateKeyAnnotation } from '../../identity/workload.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import type { WantedKeys } from '../../policy/signing-key.ts'
import { MINUTE } from '../../time/duration.ts'
import type { KeySlot } from '../../keys/key-ring/key-ring.ts'
import { urgentLifetime } from '../../rotation/lifetimes.ts'

type NudgeMode = 'Always' | 'Urgent' | 'Never'

/** What the chart sets for all identities. */
export interface TrustSettings {
  readonly trustDomain: string
  /** The issuer of the cluster. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  readonly nudge: NudgeMode
  readonly allowedClaims: readonly string[]
}

/** What one ServiceIdentity asks for, with nothing left open. */
export interface Wanted {
  readonly subject: string
  readonly tokens: ReturnType<typeof effectiveTokens>
  readonly keys: WantedKeys
}

export function subjectOf({ metadata }: ServiceIdentity, { trustDomain }: TrustSettings): string {
  return formatSpiffeId({ trustDomain, namespace: metadata.namespace ?? '', name: metadata.name })
}

/** What the identity's tokens say in `iss`. */
export function issuerOfIdentity({ metadata }: ServiceIdentity, { issuer, issuerScope }: TrustSettings): string {
  return issuerOf(issuer, issuerScope, { namespace: metadata.namespace ?? '', name: metadata.name })
}

/** What the identity asks for; a TypeError for a spec that the API server should have refused. */
export function wantedOf(
  identity: ServiceIdentity,
  settings: TrustSettings,
  revoked: ReadonlySet<string> = new Set(),
): Wanted {
  const tokens = effectiveTokens(identity.spec, settings.trustDomain)
  const rotationRequest = identity.metadata.annotations?.[rotateKeyAnnotation]
  return {
    subject: subjectOf(identity, settings),
    tokens,
    keys: {
      ...effectiveSigningKey(identity.spec),
      longestUse: Math.max(...tokens.map(({ lifetime }) => lifetime)),
      ...(rotationRequest === undefined ? {} : { rotationRequest }),
      revoked,
    },
  }
}

/** What the schema cannot refuse because the chart decides it. The webhook refuses the same, earlier. */
export function specViolation({ spec }: ServiceIdentity, settings: TrustSettings): Violation | undefined {
  const [violation] = violationsOf(spec, settings)
  return violation === undefined ? undefined : { reason: Reason.InvalidSpec, message: violation.message }
}

/** Whether pods are to be told of a new Secret, instead of waiting for kubelet to look by itself. */
export function wantsNudge(
  { nudge }: TrustSettings,
  { tokens }: Wanted,
  credentials: readonly { readonly minted?: Reason }[],
  revoking: boolean,
): boolean {
  if (nudge !== 'Urgent') return nudge === 'Always'
  // While a revocation is on record, so that a nudge that a crash has lost is found again.
  if (revoking) return true
  // A token whose key is gone is refused by now, however long it was meant to live.
  return (
    credentials.some(({ minted }) => minted === Reason.KeyGone) ||
    tokens.some(({ lifetime }) => lifetime < urgentLifetime)
  )
}

/** Why tokens are minted in the ordinary course of things: what they replace still verifies, or was never there. */
const ordinary: ReadonlySet<Reason> = new Set([Reason.Missing, Reason.Renewing, Reason.SpecChanged])

/** Whether a token was minted because verifiers refuse the one that pods have: their nudge waits for no other. */
export function cannotWait(credentials: readonly { readonly minted?: Reason }[]): boolean {
  return credentials.some(({ minted }) => minted !== undefined && !ordinary.has(minted))
}

/** How long after a key had to sign at once a lost nudge is looked for; by then kubelet has looked by itself. */
const nudgeMemory = 10 * MINUTE
/** An identity's first key comes this soon after it: no pod has older tokens then. */
const firstKeyWithin = MINUTE

/**
 * Whether a nudge for a key that was lost or revoked may itself have been lost, in a crash after the tokens were
 * written: told from the ring, since nothing else remembers why they were minted.
 */
export function mayHaveLostNudge({ nudge }: TrustSettings, signing: KeySlot, createdAt: number, now: number): boolean {
  const { urgent, activeAt = 0 } = signing
  return nudge !== 'Never' && urgent === true && activeAt > createdAt + firstKeyWithin && now < activeAt + nudgeMemory
}
