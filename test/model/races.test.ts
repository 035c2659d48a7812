import { describe, expect, it } from 'vitest'
import { HOUR } from '../../src/time/duration.ts'
import { live } from './histories.ts'
import type { Step } from './steps.ts'

const lead = (replica: 'A' | 'B'): Step => ({ does: 'lead', replica, runs: 1 })

/** Histories that are too particular to come up by chance. */
describe('two controllers', () => {
  it.each([
    ['is asked for the identity', 0],
    ['has deleted the public keys', 1],
  ])('I1: keep the keys of an identity recreated while a sweep hangs after the API server %s', async (_, call) => {
    const world = await live([
      lead('A'),
      { does: 'delete identity' },
      { does: 'hear', replica: 'A', watch: 'identities', most: 9 },
      { does: 'reconcile', replica: 'A', fault: { call, how: 'paused after' } },
      { does: 'create identity' },
      lead('B'),
      { does: 'hear', replica: 'A', watch: 'rings', most: 9 },
      { does: 'resume', replica: 'A' },
      lead('B'),
    ])
    expect(world.ledger.violations).toEqual([])
    expect(world.ledger.sets.size).toBe(2)
  })

  it('I1: replace a token that one of them minted before all clocks were set back and delivers afterwards', async () => {
    const world = await live([
      { does: 'wait', time: 720 * HOUR },
      // The last call is the status; the one before writes the Secret.
      { does: 'reconcile', replica: 'B', fault: { call: 3, how: 'paused before' } },
      { does: 'set clocks back', time: 365 * 24 * HOUR },
      { does: 'resume', replica: 'B' },
    ])
    const early = world.ledger.tokens
    await world.do(lead('A'))
    expect(world.ledger.violations).toEqual([])
    expect([early, world.ledger.tokens]).toEqual([1, 2])
  })

  it('I2: go on with a ring that one of them saw nothing of for several rotations, though nothing is published', async () => {
    const tokens = [{ name: 'a', lifetime: '5m' }]
    const signingKey = { algorithm: 'ES256', rotationPeriod: '1m', publishAhead: '30s' } as const
    const world = await live([
      { does: 'change spec', spec: { signingKey, tokens } },
      lead('B'),
      { does: 'wait', time: 720 * HOUR },
      { does: 'lead', replica: 'A', runs: 3 },
      { does: 'delete public ConfigMap' },
      { does: 'reconcile', replica: 'B' },
      { does: 'lead', replica: 'B', runs: 2 },
    ])
    expect(world.ledger.violations).toEqual([])
    expect(world.ledger.sets.size).toBeGreaterThan(1)
  })
})
