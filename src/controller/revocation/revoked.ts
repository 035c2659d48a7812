import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import type { RevokedTokens } from '../../policy/credential.ts'
import { issuedBeforeOf } from './issued-before.ts'

/** Everything of one identity that is revoked now. */
export interface Revoked {
  readonly keyIDs: ReadonlySet<string>
  readonly tokens: RevokedTokens
  /** Whether there is any revocation on record. */
  readonly any: boolean
  /** When the next revocation takes effect, in milliseconds since the epoch. */
  readonly lookAgainAt?: number
}

/** What the revocations of one identity come to, in whatever order they are. Refused ones count for nothing. */
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
