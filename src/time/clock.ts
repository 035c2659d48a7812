/** A source of time. Pure code takes `now` as a parameter; only loops and reconcilers have a Clock. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number
  /** Milliseconds since an arbitrary start, by a clock that never jumps; for measuring elapsed time. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/**
 * RFC 3339 with seconds, which is how Kubernetes writes times.
 *
 * @example formatTime(1767323045678) // '2026-01-02T03:04:05Z'
 */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Milliseconds since the epoch of an RFC 3339 time; undefined if the text is not one. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) ? undefined : milliseconds
}
