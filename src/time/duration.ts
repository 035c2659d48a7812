export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const unitOf: Readonly<Record<string, number>> = { h: HOUR, m: MINUTE, s: SECOND }
const form = /^([0-9]+[hms])+$/

/**
 * Milliseconds of a duration such as `24h`, `1h30m` or `90s`; undefined where the text has another form.
 * The form is the CRD's: `^([0-9]+(h|m|s))+$`.
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !form.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([0-9]+)([hms])/g)) total += Number(amount) * (unitOf[unit ?? ''] ?? 0)
  return Number.isSafeInteger(total) ? total : undefined
}

/** The shortest text of whole seconds: `90000` → `1m30s`; `0s` for less than a second. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.floor(Math.max(0, milliseconds) / SECOND)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const
  const text = parts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join('')
  return text === '' ? '0s' : text
}
