import { describe, expect, it } from 'vitest'
import { formatAge, formatWhen } from '../../../../src/cli/kubectl/terminal/times.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../../../src/time/duration.ts'

describe('formatAge', () => {
  it.each([
    [-5, '0s'],
    [119 * SECOND, '119s'],
    [2 * MINUTE, '2m'],
    [7 * MINUTE + 30 * SECOND, '7m30s'],
    [8 * MINUTE + 30 * SECOND, '8m'],
    [119 * MINUTE, '119m'],
    [2 * HOUR + MINUTE, '2h1m'],
    [9 * HOUR + 50 * MINUTE, '9h'],
    [2 * DAY + 3 * HOUR, '2d3h'],
    [400 * DAY, '400d'],
  ])('%d ms is %s', (age, expected) => {
    expect(formatAge(age)).toBe(expected)
  })
})

describe('formatWhen', () => {
  const now = Date.parse('2026-06-01T00:00:00Z')
  it.each([
    ['2026-06-01T00:05:00Z', false, 'in 5m'],
    ['2026-05-31T21:00:00Z', false, '3h ago'],
    ['2026-05-31T21:00:00+00:00', true, '2026-05-31T21:00:00Z'],
    [undefined, true, '-'],
    ['yesterday', false, '-'],
  ])('%s, wide %s: %s', (time, wide, expected) => {
    expect(formatWhen(time, now, wide)).toBe(expected)
  })
})
