import { expect, it } from 'vitest'
import { OutageTally, outageShortfalls } from './outage-tally.ts'

const least = new Map([
  ['exchange', 2],
  ['JWK Set', 1],
])
const good = () => {
  const tally = new OutageTally()
  tally.told('exchange', 3, undefined)
  tally.told('exchange', 5, undefined)
  tally.told('JWK Set', 1, undefined)
  return tally
}

it('counts what was asked, and finds nothing short where every answer is right', () => {
  const tally = good()
  expect([tally.asked, tally.failures]).toEqual([3, 0])
  expect(tally.rows()).toEqual([
    ['exchange', '2 asked, 0 wrong, p50 3 ms, p99 5 ms'],
    ['JWK Set', '1 asked, 0 wrong, p50 1 ms, p99 1 ms'],
  ])
  expect(outageShortfalls(tally, least)).toEqual([])
})

it('finds one wrong answer among many', () => {
  const tally = good()
  tally.told('exchange', 4, 'answered 503', 0)
  expect(tally.failures).toBe(1)
  expect(outageShortfalls(tally, least)).toEqual(['1970-01-01T00:00:00.000Z exchange: answered 503'])
})

it('names the first wrong answers and counts all of them', () => {
  const tally = good()
  for (let count = 0; count < 25; count += 1) tally.told('exchange', 4, 'answered 503', 0)
  const found = outageShortfalls(tally, least)
  expect(found).toHaveLength(21)
  expect(found.at(-1)).toBe('and 5 more wrong answers')
})

it('finds what was asked too seldom, or never', () => {
  const tally = new OutageTally()
  tally.told('exchange', 4, undefined)
  expect(outageShortfalls(tally, least)).toEqual(['exchange: 1 asked, fewer than 2', 'JWK Set: 0 asked, fewer than 1'])
})
