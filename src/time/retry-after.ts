/**
 * Milliseconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), at most `maxMs`. Undefined if the header
 * is missing or invalid. `now` is in milliseconds since the epoch.
 *
 * @example parseRetryAfter('2', Date.now()) // 2000
 */
export function parseRetryAfter(header: string | undefined, now: number, maxMs = Infinity): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  if (/^\d+$/.test(text)) return Math.min(maxMs, Number(text) * 1000)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.min(maxMs, Math.max(0, date - now))
}
