import { expect, it } from 'vitest'
import { percentile, type Sample, shortfalls, Tally } from './tally.ts'

const bar = { secondsLeft: 120, renewals: 1, rotations: 1, longestGapMs: 5000 }
const sample = (fields: Partial<Sample>): Sample => ({
  kind: 'second',
  number: 1,
  at: 0,
  secondsLeft: 300,
  kid: 'k1',
  jti: 't1',
  ...fields,
})
const good = () => {
  const tally = new Tally()
  tally.saw(sample({ at: 0, secondsLeft: 151 }))
  tally.wrote('t2', 1000)
  tally.saw(sample({ kind: 'change', at: 1300, jti: 't2', kid: 'k2' }))
  tally.saw(sample({ at: 1900, jti: 't2', kid: 'k2' }))
  return tally
}

it('counts renewals and rotations and finds nothing short where all holds', () => {
  const tally = good()
  expect(tally).toMatchObject({ samples: 3, renewals: 1, rotations: 1, leastLeft: 151, delays: [300] })
  expect(shortfalls(tally, bar)).toEqual([])
})

it('takes the word of the watch after that of the pod', () => {
  const tally = new Tally()
  tally.saw(sample({ kind: 'change', at: 1300 }))
  tally.wrote('t1', 1000)
  tally.wrote('t1', 2000)
  expect(tally.delays).toEqual([300])
})

it.each<[string, (tally: Tally) => void]>([
  ['a token had 119.5 s left, less than 120', (tally) => tally.saw(sample({ at: 2000, secondsLeft: 119.5 }))],
  [
    '1970-01-01T00:00:02.000Z token t1: its key is not published',
    (tally) => tally.saw(sample({ at: 2000, problem: 'its key is not published' })),
  ],
  ['nothing was sampled for 6.1 s', (tally) => tally.saw(sample({ at: 8000 }))],
])('finds that %s', (sentence, spoil) => {
  const tally = good()
  spoil(tally)
  expect(shortfalls(tally, bar)).toEqual([sentence])
})

it('finds that too little was seen', () => {
  expect(shortfalls(new Tally(), bar)).toEqual([
    '0 renewals were seen, fewer than 1',
    '0 key rotations were seen, fewer than 1',
  ])
})

it('gives the value below which a share lies', () => {
  expect([percentile([3, 1, 2], 0.5), percentile([3, 1, 2], 0.99), percentile([], 0.5)]).toEqual([2, 3, Number.NaN])
})
