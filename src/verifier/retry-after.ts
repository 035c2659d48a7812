/** Longest wait that an authority can ask for, in milliseconds. */
const mostMs = 5 * 60_000

/** Milliseconds of a Retry-After header, five minutes at most: seconds, or a date (RFC 9110 §10.2.3). */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d+$/.test(text)) return Math.min(mostMs, Number(text) * 1000)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.min(mostMs, Math.max(0, date - now))
}
