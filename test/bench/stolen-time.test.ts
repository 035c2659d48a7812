import { expect, it } from 'vitest'
import { parseProcessorTime, processorTime, stolenShare, timeBetween, totalTime } from '../../bench/stolen-time.ts'

const stat = (...ticks: number[]): string => `cpu  ${ticks.join(' ')}\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n`

it('tells which share of the processor time was stolen in between', () => {
  // User, nice, system, idle, iowait, irq, softirq, steal; then guests, which user and nice include.
  const before = parseProcessorTime(stat(100, 10, 50, 1000, 5, 0, 5, 30, 40, 3))
  const after = parseProcessorTime(stat(130, 10, 60, 1030, 5, 0, 5, 60, 70, 3))
  expect(timeBetween(before, after)).toEqual({ all: 100, stolen: 30 })
  expect(stolenShare(timeBetween(before, after))).toBe(0.3)
  const twice = [
    { all: 100, stolen: 30 },
    { all: 50, stolen: 0 },
  ]
  expect(stolenShare(totalTime(twice))).toBe(0.2)
})

it('knows of no stolen time where nothing tells of it, or no time has passed', () => {
  expect(parseProcessorTime('')).toEqual({ all: 0, stolen: 0 })
  // Before Linux 2.6.11.
  expect(parseProcessorTime('cpu  1 2 3 4 5 6 7\n')).toEqual({ all: 28, stolen: 0 })
  expect(stolenShare({ all: 0, stolen: 0 })).toBe(0)
})

it('reads what this machine tells', async () => {
  const { all, stolen } = await processorTime()
  expect(all).toBeGreaterThan(0)
  expect(stolen).toBeLessThan(all)
})
