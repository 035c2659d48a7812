import { describe, expect, it } from 'vitest'
import { type Exhibit, type Verdict, verdictShortfalls, Verdicts } from './verdicts.ts'

const subject = 'spiffe://cluster.local/ns/soak/sa/a'
const valid: Exhibit = { token: 'x.y.z', sample: 'fresh', tokenID: 't1', keyID: 'k1', subject }
const hostile: Exhibit = { token: 'x.y.z', sample: 'expired', tokenID: 't2', keyID: 'k1' }
const accepted: Verdict = { kind: 'accepted', subject, copyAgeMs: 29_000 }
const refused: Verdict = { kind: 'refused', reason: 'no such key' }
const expectation = {
  least: new Map([
    ['fresh', 1],
    ['expired', 1],
  ]),
  copyAgeMs: 25_000,
}

const verdictsOf = (...said: [Exhibit, Verdict][]): Verdicts => {
  const verdicts = new Verdicts()
  for (const [exhibit, verdict] of said) verdicts.add(exhibit, verdict, 0)
  return verdicts
}
const allRight: [Exhibit, Verdict][] = [
  [valid, accepted],
  [hostile, refused],
]

describe('the verdicts of one verifier', () => {
  it('counts valid tokens accepted and hostile ones refused, and finds nothing short', () => {
    const verdicts = verdictsOf(...allRight)
    expect([verdicts.rightOn(), verdicts.rightOn(['fresh']), verdicts.oldestCopyMs]).toEqual([2, 1, 29_000])
    expect(verdictShortfalls('jose', verdicts, expectation)).toEqual([])
  })

  it.each<[string, Exhibit, Verdict]>([
    ['false reject: 1970-01-01T00:00:00.000Z fresh token t1 of key k1: no such key', valid, refused],
    [
      'false reject: 1970-01-01T00:00:00.000Z fresh token t1 of key k1: taken for somebody else',
      valid,
      { kind: 'accepted', subject: 'somebody else' },
    ],
    [`false accept: 1970-01-01T00:00:00.000Z expired token t2 of key k1: accepted for ${subject}`, hostile, accepted],
    [
      'no verdict: 1970-01-01T00:00:00.000Z fresh token t1 of key k1: not reached',
      valid,
      { kind: 'failed', reason: 'not reached' },
    ],
    [
      'no verdict: 1970-01-01T00:00:00.000Z expired token t2 of key k1: not reached',
      hostile,
      { kind: 'failed', reason: 'not reached' },
    ],
  ])('finds a %s', (sentence, exhibit, verdict) => {
    const verdicts = verdictsOf(...allRight, [exhibit, verdict])
    expect(verdictShortfalls('jose', verdicts, expectation)).toEqual([`jose: ${sentence}`])
  })

  it('finds that too little was asked, or by copies that were too young to show anything', () => {
    const young = verdictsOf([valid, { kind: 'accepted', subject, copyAgeMs: 10 }])
    expect(verdictShortfalls('jose', young, expectation)).toEqual([
      'jose: judged 0 times "expired", fewer than 1',
      'jose: its oldest copy was 10 ms old, less than 25000',
    ])
  })

  it('tells the first of many', () => {
    const many = verdictsOf(...allRight, ...Array.from({ length: 8 }, (): [Exhibit, Verdict] => [valid, refused]))
    const found = verdictShortfalls('jose', many, expectation)
    expect([found.length, found.at(-1)]).toEqual([6, 'jose: false reject: 3 more'])
  })
})
