import { clockTolerance } from '../../time/clock-tolerance.ts'
import { parseTime } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { keyRetention, maxTokenLifetime } from '../../rotation/lifetimes.ts'
import type { TokenRevocation } from './types.ts'

/**
 * How long a revocation outlives the token that it names, where it says when that expires: verifiers may be a minute
 * behind, and so may whoever forgets.
 */
const expiryMargin = 5 * MINUTE

type Named = Pick<TokenRevocation, 'metadata' | 'spec'>

/** When the API server stored the revocation, by its own clock. */
function createdAt({ metadata }: Pick<TokenRevocation, 'metadata'>): number | undefined {
  return parseTime(metadata.creationTimestamp)
}

/**
 * The time before which tokens are revoked, in milliseconds on a whole second as `iat` has them: a fraction counts as
 * the next second, so that no token issued within it is spared. Undefined where the revocation names none; refused where
 * the time is further ahead than clocks differ, judged by the API server's own clock, so that what was refused stays so.
 */
export function issuedBeforeTime({ metadata, spec }: Named): number | 'refused' | undefined {
  if (spec.issuedBefore === undefined) return undefined
  const time = parseTime(spec.issuedBefore)
  const created = createdAt({ metadata })
  if (time === undefined || created === undefined || time > created + clockTolerance) return 'refused'
  return Math.ceil(time / SECOND) * SECOND
}

/**
 * The longest that anything the revocation names can be alive, with a margin; no status is needed for it. What its
 * creator says of the token's expiry makes it sooner, and never later.
 */
export function latestEnd(revocation: Named): number {
  const created = createdAt(revocation) ?? 0
  const bound = created + maxTokenLifetime + keyRetention
  const before = issuedBeforeTime(revocation)
  if (typeof before === 'number') return Math.max(before + maxTokenLifetime, created) + keyRetention
  const expiry = parseTime(revocation.spec.tokenExpiresAt)
  // Not before the margin has passed: whoever creates one in the past still sees what becomes of it.
  return expiry === undefined ? bound : Math.min(Math.max(expiry, created) + expiryMargin, bound)
}
