import { issuedBeforeTime } from '../../api/v1alpha1/revocation.ts'
import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { type IdentityName, identityKey } from '../../identity/service-identity.ts'
import type { Indexer, Store } from '../../kube/cache/store.ts'
import type { RevokedTokens } from '../../policy/credential.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'

/** Index of TokenRevocations by the identity that they name. */
const byIdentity = 'identity'

export const revocationIndexers: Readonly<Record<string, Indexer<TokenRevocation>>> = {
  [byIdentity]: (revocation) => [identityKey(identityOf(revocation))],
}

/** The identity whose key or tokens are revoked: always one of the revocation's own namespace. */
export function identityOf({ metadata, spec }: TokenRevocation): IdentityName {
  return { namespace: metadata.namespace ?? '', name: spec.identity }
}

/** The TokenRevocations of one identity; the store has `revocationIndexers`. */
export function revocationsOf(store: Store<TokenRevocation>, identity: IdentityName): TokenRevocation[] {
  return store.byIndex(byIdentity, identityKey(identity))
}

/** What the TokenRevocations of one identity revoke at one time. */
export interface Revoked {
  readonly keyIDs: ReadonlySet<string>
  readonly tokens: RevokedTokens
  /** Whether the identity has any TokenRevocation, refused ones included. */
  readonly any: boolean
  /** When the next revocation takes effect, in milliseconds since the epoch. */
  readonly lookAgainAt?: number
}

/** Combines the TokenRevocations of one identity, in any order. A refused TokenRevocation revokes nothing. */
export function revokedBy(revocations: readonly TokenRevocation[], now: number): Revoked {
  const times = revocations.map(issuedBeforeOf).filter((time) => typeof time === 'number')
  const past = times.filter((time) => time <= now)
  const ahead = times.filter((time) => time > now)
  return {
    keyIDs: new Set(revocations.flatMap(({ spec }) => spec.keyID ?? [])),
    tokens: {
      tokenIDs: new Set(revocations.flatMap(({ spec }) => spec.tokenID ?? [])),
      ...(past.length === 0 ? {} : { issuedBefore: Math.max(...past) }),
    },
    any: revocations.length > 0,
    ...(ahead.length === 0 ? {} : { lookAgainAt: Math.min(...ahead) }),
  }
}

/** The time before which tokens are revoked, as `issuedBeforeTime` reads it, or why the time is refused. */
export function issuedBeforeOf(revocation: TokenRevocation): number | Violation | undefined {
  const time = issuedBeforeTime(revocation)
  if (time !== 'refused') return time
  return {
    reason: Reason.TooFarAhead,
    message:
      `issuedBefore ${revocation.spec.issuedBefore ?? ''} is more than 60 seconds after this object was created: ` +
      'create another TokenRevocation with a time in the past',
  }
}
