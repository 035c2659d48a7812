import { describe, expect, it } from 'vitest'
import { Revocations, revocationShortfalls } from './revocations.ts'
import type { Sample } from './tally.ts'

const sample = (at: number, kid: string, problem?: string): Sample => ({
  kind: 'second',
  number: 1,
  at,
  secondsLeft: 300,
  kid,
  jti: `token-of-${kid}`,
  ...(problem === undefined ? {} : { problem }),
})
const nothing = { touched: [], returned: [] }
const bar = { count: 1, p99Ms: 5000 }

/** Key k1 was revoked at 1000, gone from the key sets at 1400, and its token from the file at 1700. */
function revoked(): Revocations {
  const revocations = new Revocations()
  revocations.saw(sample(500, 'k1'))
  revocations.revoke('k1', 1000)
  revocations.withdrawn('k1', 1400)
  revocations.withdrawn('k1', 1450)
  revocations.saw(sample(1500, 'k1', 'its key is not published'))
  revocations.saw(sample(1700, 'k2'))
  return revocations
}

describe('what became of revoked keys', () => {
  it('takes a revocation for done when no replica has the key and the file has a token of another', () => {
    const revocations = new Revocations()
    revocations.saw(sample(500, 'k1'))
    revocations.revoke('k1', 1000)
    expect(revocations.keyInUse).toBe('k1')
    revocations.withdrawn('k1', 1400)
    expect(revocations.isDone('k1')).toBe(false)
    revocations.saw(sample(1700, 'k2'))
    expect([revocations.isDone('k1'), revocations.keyInUse]).toEqual([true, 'k2'])
    expect(revocations.delays()).toEqual({ withdrawn: [400], replaced: [700], both: [700] })
  })

  it('takes samples by their own time, in whatever order they are told', () => {
    const revocations = new Revocations()
    revocations.revoke('k1', 1000)
    revocations.withdrawn('k1', 1100)
    revocations.saw(sample(2000, 'k2'))
    revocations.saw(sample(1600, 'k2'))
    revocations.saw(sample(900, 'k0'))
    expect([revocations.delays().replaced, revocations.keyInUse]).toEqual([[600], 'k2'])
  })

  it('finds nothing short where all is done in time', () => {
    expect(revocationShortfalls(revoked(), nothing, bar)).toEqual([])
  })

  it('lets a fresh key be unknown for two seconds, and no longer', () => {
    const revocations = revoked()
    revocations.saw(sample(3700, 'k2', 'its key is not published'))
    expect(revocations.problems).toEqual([])
    revocations.saw(sample(3701, 'k2', 'its key is not published'))
    expect(revocationShortfalls(revocations, nothing, bar)).toEqual([
      '1970-01-01T00:00:03.701Z token token-of-k2: its key is not published',
    ])
  })

  it('finds too few, too slow, a Secret that was touched, and a key that came back', () => {
    const more = { touched: ['signet.other'], returned: ['k1'] }
    expect(revocationShortfalls(revoked(), more, { count: 2, p99Ms: 700 })).toEqual([
      '1 revocations came to their end, fewer than 2',
      'p99 is 700 ms, not below 700 ms',
      'Secret signet.other of another identity was touched',
      'revoked key k1 is served again',
    ])
    expect(revocationShortfalls(new Revocations(), nothing, bar)).toContain('p99 is NaN ms, not below 5000 ms')
  })
})
