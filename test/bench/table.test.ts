import { describe, expect, it } from 'vitest'
import { medianOf } from '../../bench/measurement.ts'
import { measurements } from '../../bench/measurements.ts'
import { formatTable } from '../../bench/table.ts'

describe('formatTable', () => {
  it('puts peers beside what was measured, and leaves out what a peer does not have', () => {
    const table = formatTable('webhook', {
      requestsPerSecond: 12_345.6,
      p99Ms: 4.5678,
      ratio: 0.5,
      bare: { requestsPerSecond: 20_000, p99Ms: 2 },
    })
    expect(table).toBe(
      [
        '                   webhook    bare',
        'requestsPerSecond   12,346  20,000',
        'p99Ms                 4.57       2',
        'ratio                  0.5',
        '',
      ].join('\n'),
    )
  })
})

describe('medianOf', () => {
  it('takes the middle of each figure by itself', () => {
    const rounds = [
      { fast: 3, slow: 10 },
      { fast: 1, slow: 30 },
      { fast: 2, slow: 20 },
    ]
    expect(medianOf(rounds)).toEqual({ fast: 2, slow: 20 })
  })
})

describe('the list of measurements', () => {
  it.each(Object.keys(measurements))('has %s under its own name, with a line that describes it', async (name) => {
    const measurement = await measurements[name]?.()
    expect(measurement).toMatchObject({ name, describe: expect.stringMatching(/^\S.{20,160}$/) as unknown })
  })
})
