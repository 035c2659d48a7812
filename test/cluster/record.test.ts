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
    expect(decide(existing, wanted, alive)).toBe(expected)
  })
})
