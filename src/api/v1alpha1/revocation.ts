import { clockTolerance } from '../../time/clock-tolerance.ts'
import { parseTime } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { keyRetention, maxTokenLifetime } from '../../rotation/lifetimes.ts'
import type { TokenRevocation } from './types.ts'

/**
 * How long a revocation with `tokenExpiresAt` outlives its token: allows for the clock tolerance of verifiers and of
 * the controller.
 */
const expiryMargin = 5 * MINUTE

type Named = Pick<TokenRevocation, 'metadata' | 'spec'>

/** When the API server stored the revocation, by the API server's clock. */
function createdAt({ metadata }: Pick<TokenRevocation, 'metadata'>): number | undefined {
  return parseTime(metadata.creationTimestamp)
}

/**
 * The `issuedBefore` of a revocation in milliseconds, rounded up to a whole second as in `iat`, so that no token issued
 * within that second is spared. Undefined if the revocation has none. `refused` if the time is later than the
 * revocation's creation plus the clock tolerance; both times are fixed, so a refusal is permanent.
 */
export function issuedBeforeTime({ metadata, spec }: Named): number | 'refused' | undefined {
  if (spec.issuedBefore === undefined) return undefined
  const time = parseTime(spec.issuedBefore)
  const created = createdAt({ metadata })
  if (time === undefined || created === undefined || time > created + clockTolerance) return 'refused'
  return Math.ceil(time / SECOND) * SECOND
}

/**
 * When the last token or key that the revocation names has ended, plus a margin. Needs no status. `tokenExpiresAt` can
 * only shorten the time.
 */
export function latestEnd(revocation: Named): number {
  const created = createdAt(revocation) ?? 0
  const bound = created + maxTokenLifetime + keyRetention
  const before = issuedBeforeTime(revocation)
  if (typeof before === 'number') return Math.max(before + maxTokenLifetime, created) + keyRetention
  const expiry = parseTime(revocation.spec.tokenExpiresAt)
  // At least the margin, so that the creator of a revocation for an expired token still sees its status.
  return expiry === undefined ? bound : Math.min(Math.max(expiry, created) + expiryMargin, bound)
}
