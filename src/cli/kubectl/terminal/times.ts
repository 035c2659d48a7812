import { formatTime, parseTime } from '../../../time/clock.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../time/duration.ts'

/** A duration in the format of kubectl's ages: two units, or only the larger one if the smaller is insignificant: `3h20m`, `12d`. */
export function formatAge(milliseconds: number): string {
  const age = Math.max(0, milliseconds)
  const [unit, name, next, nextName] = unitsOf(age)
  const whole = Math.floor(age / unit)
  const rest = whole < 8 && next > 0 ? Math.floor((age - whole * unit) / next) : 0
  return `${whole}${name}${rest > 0 ? `${rest}${nextName}` : ''}`
}

function unitsOf(age: number): readonly [number, string, number, string] {
  if (age < 2 * MINUTE) return [SECOND, 's', 0, '']
  if (age < 2 * HOUR) return [MINUTE, 'm', SECOND, 's']
  if (age < 2 * DAY) return [HOUR, 'h', MINUTE, 'm']
  return [DAY, 'd', HOUR, 'h']
}

/** A time relative to now, such as `in 5m` and `3h ago`; the time itself for wide output; `-` for an absent time. */
export function formatWhen(text: string | undefined, now: number, wide = false): string {
  const time = parseTime(text)
  if (time === undefined) return '-'
  if (wide) return formatTime(time)
  return time >= now ? `in ${formatAge(time - now)}` : `${formatAge(now - time)} ago`
}
