export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const unitOf: Readonly<Record<string, number>> = { h: HOUR, m: MINUTE, s: SECOND }
const form = /^([0-9]+[hms])+$/

/**
 * Milliseconds of a duration in the form that the CRDs allow, `^([0-9]+(h|m|s))+$`; undefined for any other text.
 *
 * @example parseDuration('1h30m') // 5400000
 */
export function parseDuration(text: string): number | undefined {
  if (text.length > 32 || !form.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([0-9]+)([hms])/g)) total += Number(amount) * (unitOf[unit ?? ''] ?? 0)
  return Number.isSafeInteger(total) ? total : undefined
}

/**
 * The shortest text for the whole seconds of a duration in milliseconds.
 *
 * @example formatDuration(90_500) // '1m30s'
 */
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
