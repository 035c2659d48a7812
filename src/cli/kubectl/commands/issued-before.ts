import { formatTime, parseTime } from '../../../time/clock.ts'
import { MINUTE } from '../../../time/duration.ts'
import { UsageError } from '../terminal/failures.ts'

/** RFC 3339 §5.6, seconds and zone included. */
const form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * Parses the `issuedBefore` of a revocation: an RFC 3339 time, or `now`. `now` means the beginning of the current second, so
 * that a token minted later in this second stays valid. Throws UsageError for any other text, and for a time in the future,
 * which would revoke tokens that do not exist yet.
 */
export function parseIssuedBefore(text: string, now: number): string {
  if (text === 'now') return formatTime(now)
  const time = form.test(text) ? parseTime(text.toUpperCase()) : undefined
  if (time === undefined) throw new UsageError('--issued-before: use now, or a time such as 2026-01-02T03:04:05Z')
  // Tolerates the difference between the clocks of the user and of the cluster.
  if (time > now + MINUTE)
    throw new UsageError('--issued-before: is in the future and would revoke tokens that do not exist yet')
  return new Date(time).toISOString().replace('.000Z', 'Z')
}
