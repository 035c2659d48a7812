import { describe, expect, it } from 'vitest'
import { decide } from '../../tools/cluster/record.ts'

describe('decide', () => {
  it.each([
    ['test', 'test', false, 'reuse'],
    ['test', 'test', true, 'reuse'],
    ['demo', 'demo', false, 'reuse'],
    ['demo', 'test', false, 'replace'],
    ['test', 'demo', false, 'replace'],
    ['demo', 'test', true, 'refuse'],
    ['test', 'demo', true, 'refuse'],
    ['demo', 'manual', true, 'reuse'],
    ['manual', 'test', false, 'reuse'],
  ] as const)('a %s cluster wanted for %s (holder alive: %s): %s', (existing, wanted, alive, expected) => {
    const kubernetes = '1.37'
    expect(decide({ owner: existing, kubernetes }, { owner: wanted, kubernetes }, alive)).toBe(expected)
  })

  it.each([
    ['test', 'test', false, 'replace'],
    ['test', 'test', true, 'refuse'],
    ['demo', 'test', false, 'replace'],
    ['demo', 'manual', false, 'replace'],
    ['demo', 'manual', true, 'refuse'],
    ['manual', 'manual', false, 'refuse'],
    ['manual', 'test', false, 'refuse'],
  ] as const)(
    'a %s cluster of another Kubernetes wanted for %s (holder alive: %s): %s',
    (existing, wanted, alive, expected) => {
      const running = { owner: existing, kubernetes: '1.34' } as const
      expect(decide(running, { owner: wanted, kubernetes: '1.37' }, alive)).toBe(expected)
    },
  )
})
