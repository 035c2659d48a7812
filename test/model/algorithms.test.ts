import { describe, expect, it } from 'vitest'
import { HOUR } from '../../src/time/duration.ts'
import { algorithms } from '../../src/keys/algorithm.ts'
import { live } from './histories.ts'
import type { Step } from './steps.ts'

const pairs = algorithms.flatMap((from) => algorithms.filter((to) => to !== from).map((to) => [from, to] as const))
const lead = (runs: number): Step => ({ does: 'lead', replica: 'A', runs })
const wants = (algorithm: (typeof algorithms)[number]): Step => ({
  does: 'change spec',
  spec: {
    signingKey: { algorithm, rotationPeriod: '24h', publishAhead: '1h' },
    tokens: [{ name: 'a', lifetime: '20m' }],
  },
})

describe('the algorithm of a living identity', () => {
  it.each(pairs)('I1: changes from %s to %s without one token failing', async (from, to) => {
    const world = await live([wants(from), lead(4), wants(to), lead(12)])
    expect(world.mounted.algorithms()).toEqual([to])
    // The key of the old algorithm is kept for what it has signed, and then goes.
    expect(world.ledger.sets.algorithms()).toEqual(expect.arrayContaining([from, to]))
    await world.do({ does: 'wait', time: 2 * HOUR })
    await world.do(lead(1))
    expect(world.ledger.sets.algorithms()).toEqual([to])
    expect(world.ledger.violations).toEqual([])
  })
})
