import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/time/duration.ts'
import { jitter } from '../../src/rotation/jitter.ts'
import { renewAt } from '../../src/rotation/lifetimes.ts'

const subjects = Array.from({ length: 10_000 }, (_, index) => {
  const namespace = `team-${index % 97}`
  return `spiffe://cluster.local/ns/${namespace}/sa/service-${index}`
})

describe('jitter', () => {
  it('gives one text always the same fraction, from 0 up to 1', () => {
    const fractions = subjects.map(jitter)
    expect(fractions).toEqual(subjects.map(jitter))
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true)
  })

  it.each([10, 60])('spreads similar names evenly over %i parts', (parts) => {
    const counts = Array.from({ length: parts }, () => 0)
    for (const subject of subjects) {
      const part = Math.floor(jitter(subject) * parts)
      counts[part] = (counts[part] ?? 0) + 1
    }
    const fair = subjects.length / parts
    // Five standard deviations of what chance alone would do.
    const tolerance = 5 * Math.sqrt(fair)
    expect(Math.max(...counts)).toBeLessThan(fair + tolerance)
    expect(Math.min(...counts)).toBeGreaterThan(fair - tolerance)
  })
})

describe('I2: ten thousand tokens that were minted in one second', () => {
  it.each([
    ['an hour', HOUR],
    ['a day', 24 * HOUR],
  ])('of %s are renewed over a tenth of their life, in no minute more than a fair share', (_, lifetime) => {
    const minted = Date.parse('2026-06-01T00:00:00Z')
    const minutes = new Map<number, number>()
    const times = subjects.map((subject, index) => {
      const notBefore = minted + (index % 1000)
      const time = renewAt({ notBefore, notAfter: notBefore + lifetime }, `${subject} default`)
      const minute = Math.floor(time / MINUTE)
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1)
      return time
    })
    const spread = Math.max(...times) - Math.min(...times)
    expect(spread).toBeGreaterThan(lifetime * 0.099)
    expect(Math.min(...times)).toBeGreaterThanOrEqual(minted + lifetime * 0.4)
    expect(Math.max(...times)).toBeLessThanOrEqual(minted + 1000 + lifetime * 0.5)
    const fair = subjects.length / ((lifetime * 0.1) / MINUTE)
    expect(Math.max(...minutes.values())).toBeLessThan(fair + 5 * Math.sqrt(fair))
  })
})
