/** Where time comes from. Pure code takes `now` instead; only loops and reconcilers hold a Clock. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number
  /** A clock that never jumps, in milliseconds from an arbitrary start; for measuring elapsed time. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

/** RFC 3339 with seconds, as Kubernetes writes times: `2026-01-02T03:04:05Z`. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/** Milliseconds since the epoch of an RFC 3339 time, or undefined where it cannot be read. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const milliseconds = Date.parse(text)
  return Number.isNaN(milliseconds) ? undefined : milliseconds
}
