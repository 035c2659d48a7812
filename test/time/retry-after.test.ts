import { expect, it } from 'vitest'
import { parseRetryAfter } from '../../src/time/retry-after.ts'

const now = Date.parse('2026-06-01T00:00:00Z')

it.each([
  [undefined, undefined],
  ['2', 2000],
  [' 3 ', 3000],
  ['0', 0],
  ['100000', 300_000],
  ['99999999999999999999', 300_000],
  ['Mon, 01 Jun 2026 00:00:10 GMT', 10_000],
  ['Mon, 01 Jun 2026 09:00:00 GMT', 300_000],
  ['Sun, 31 May 2026 00:00:00 GMT', 0],
  ['soon', undefined],
  ['-1x', undefined],
])('Retry-After %s is %s ms', (header, milliseconds) => {
  expect(parseRetryAfter(header, now, 300_000)).toBe(milliseconds)
})

it.each([
  ['100000', 100_000_000],
  ['Mon, 01 Jun 2026 09:00:00 GMT', 32_400_000],
])('Retry-After %s is %s ms without a limit', (header, milliseconds) => {
  expect(parseRetryAfter(header, now)).toBe(milliseconds)
})
