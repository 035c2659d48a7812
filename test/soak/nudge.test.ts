import { expect, it } from 'vitest'
import { outcomeOf } from './nudge.ts'
import { Tally } from './tally.ts'

/** Renewals that took so long each, in milliseconds. */
function tallyOf(delays: readonly number[]): Tally {
  const tally = new Tally()
  for (const [number, delay] of delays.entries()) {
    const [jti, at] = [`t${number}`, number * 10_000]
    tally.wrote(jti, at)
    tally.saw({ kind: 'change', number, at: at + delay, secondsLeft: 299, kid: 'k', jti })
  }
  return tally
}
const hundred = (last: number) => [...Array.from({ length: 98 }, () => 300), last, last]

it('finds nothing short in a hundred renewals that were quick', () => {
  const { failures, figures } = outcomeOf(tallyOf(hundred(1999)), [400, 500])
  expect(failures).toEqual([])
  expect(figures).toMatchObject({ renewals: 100, fileP50Ms: 300, fileP99Ms: 1999, specToFileP99Ms: 500 })
})

it('finds too few renewals, or two of a hundred that were slow', () => {
  expect(outcomeOf(tallyOf(hundred(2000)), []).failures).toEqual(['p99 is 2000 ms, not below 2000 ms'])
  expect(outcomeOf(tallyOf([300]), []).failures).toEqual(['1 renewals were seen, fewer than 100'])
  expect(outcomeOf(new Tally(), []).failures).toContain('p99 is NaN ms, not below 2000 ms')
})

it('finds a token that did not verify', () => {
  const tally = tallyOf(hundred(300))
  tally.saw({ kind: 'second', number: 1, at: 0, secondsLeft: 1, kid: 'k', jti: 't', problem: 'its signature is wrong' })
  expect(outcomeOf(tally, []).failures).toEqual(['1970-01-01T00:00:00.000Z token t: its signature is wrong'])
})
