import { formatTime, parseTime } from '../../../time/clock.ts'
import { MINUTE } from '../../../time/duration.ts'
import { UsageError } from '../terminal/failures.ts'

/** RFC 3339 §5.6, seconds and zone included. */
const form = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * The `issuedBefore` of a revocation: an RFC 3339 time, or `now`, which is the second that has begun, so that what is
 * minted anew in the same second stays valid. Throws UsageError for another form, and for a time that lies ahead, which
 * would revoke what is not minted yet.
 */
export function parseIssuedBefore(text: string, now: number): string {
  if (text === 'now') return formatTime(now)
  const time = form.test(text) ? parseTime(text.toUpperCase()) : undefined
  if (time === undefined) throw new UsageError('--issued-before: give now, or a time such as 2026-01-02T03:04:05Z')
  // Clocks of people differ a little.
  if (time > now + MINUTE) throw new UsageError('--issued-before: lies ahead and would revoke tokens not yet minted')
  return new Date(time).toISOString().replace('.000Z', 'Z')
}
