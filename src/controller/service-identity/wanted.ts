import { type EffectiveToken, effectiveSigningKey, effectiveTokens } from '../../api/v1alpha1/defaults.ts'
import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { violationsOf } from '../../api/v1alpha1/validate.ts'
import { issuerOf, type IssuerScope } from '../../identity/issuer.ts'
import { formatSpiffeId } from '../../identity/spiffe-id.ts'
import { rotateKeyAnnotation } from '../../identity/workload.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import type { WantedKeys } from '../../policy/signing-key.ts'
import { type Clock, parseTime } from '../../time/clock.ts'
import type { KeyOwner } from '../key-ring/owner.ts'
import { type Revoked, revokedBy } from '../revocation/revoked.ts'

export type NudgeMode = 'Always' | 'Urgent' | 'Never'

/** What the chart sets for all identities. */
export interface TrustSettings {
  readonly trustDomain: string
  /** The issuer of the cluster. */
  readonly issuer: string
  readonly issuerScope: IssuerScope
  readonly nudge: NudgeMode
  readonly allowedClaims: readonly string[]
}

/**
 * Everything that one ServiceIdentity asks for, all defaults filled in: from its spec and annotations, its
 * TokenRevocations, the chart's settings and the time. Made once per reconcile. Of these, later steps read the time only;
 * but TrustedRings reads the TokenRevocations again, for an owner that has given up its published keys.
 */
export interface Wanted {
  readonly owner: KeyOwner & { readonly name: string; readonly namespace: string }
  /** The SPIFFE ID: `sub` of every token. */
  readonly subject: string
  /** `iss` of every token. */
  readonly issuer: string
  /** Why this installation does not allow the spec; undefined if it does. */
  readonly invalid: Violation | undefined
  /** Undefined if the spec is invalid and no key is revoked: then the key ring stays untouched. */
  readonly keys: WantedKeys | undefined
  /** Empty where `keys` is undefined. */
  readonly tokens: readonly EffectiveToken[]
  readonly revoked: Revoked
  readonly nudge: NudgeMode
  /** When the identity was created, in milliseconds since the epoch. */
  readonly createdAt: number
}

/** Throws TypeError for a duration that the API server should have refused. */
export function wantedOf(
  { metadata, spec }: ServiceIdentity,
  {
    settings,
    revocations,
    clock,
  }: {
    readonly settings: TrustSettings
    readonly revocations: readonly TokenRevocation[]
    readonly clock: Pick<Clock, 'now'>
  },
): Wanted {
  const { name, namespace = '', uid = '' } = metadata
  const subject = formatSpiffeId({ trustDomain: settings.trustDomain, namespace, name })
  const invalid = specViolation(spec, settings)
  const revoked = revokedBy(revocations, clock.now())
  // A revoked key is withdrawn although the spec is invalid.
  const untouched = invalid !== undefined && revoked.keyIDs.size === 0
  const tokens = untouched ? [] : effectiveTokens(spec, settings.trustDomain)
  const rotationRequest = metadata.annotations?.[rotateKeyAnnotation]
  return {
    owner: { name, namespace, uid, subject },
    subject,
    issuer: issuerOf(settings.issuer, settings.issuerScope, { namespace, name }),
    invalid,
    keys: untouched
      ? undefined
      : {
          ...effectiveSigningKey(spec),
          longestUse: Math.max(...tokens.map(({ lifetime }) => lifetime)),
          ...(rotationRequest === undefined ? {} : { rotationRequest }),
          revoked: revoked.keyIDs,
        },
    tokens,
    revoked,
    nudge: settings.nudge,
    createdAt: parseTime(metadata.creationTimestamp) ?? 0,
  }
}

/** What the schema cannot refuse, because the chart decides it. The webhook refuses the same at admission. */
function specViolation(spec: ServiceIdentity['spec'], settings: TrustSettings): Violation | undefined {
  const [violation] = violationsOf(spec, settings)
  return violation === undefined ? undefined : { reason: Reason.InvalidSpec, message: violation.message }
}
