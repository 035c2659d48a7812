import { expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { type Answers, outcomeOf, type Sample } from './memory.ts'

const minutes = 10
/** A sample every five seconds of what is held by then. */
function samples(mbAt: (ms: number) => number): Sample[] {
  const times = Array.from({ length: (minutes * MINUTE) / (5 * SECOND) }, (_, index) => (index + 1) * 5 * SECOND)
  return times.map((ms) => ({ ms, mb: mbAt(ms) }))
}
const flat = samples(() => 200)
const million: Answers = { asked: 1_000_000, wrong: 0, shed: 0 }

it('finds nothing short where a million were introspected and memory is flat', () => {
  const { failures, figures } = outcomeOf(flat, million)
  expect(failures).toEqual([])
  expect(figures).toMatchObject({ tokens: 1_000_000, growth: 0 })
})

it('forgives what it grows by until it has settled, and nothing after that', () => {
  expect(
    outcomeOf(
      samples((ms) => (ms < 2 * MINUTE ? 100 : 200)),
      million,
    ).failures,
  ).toEqual([])
  expect(
    outcomeOf(
      samples((ms) => 200 + (ms / MINUTE) * 2),
      million,
    ).failures,
  ).toEqual(['memory grew by 6.9 percent after it had settled'])
})

it('finds tokens that were not live, and too few: whoever is turned away fills no cache', () => {
  expect(outcomeOf(flat, { ...million, asked: 1_000_003, wrong: 3 }).failures).toEqual([
    '3 tokens were not found to be live',
  ])
  expect(outcomeOf(flat, { ...million, shed: 1 }).failures).toEqual([
    '999999 tokens were found to be live, fewer than 1000000',
  ])
})

it('finds that nothing was measured', () => {
  expect(outcomeOf([], { asked: 0, wrong: 0, shed: 0 }).failures).toHaveLength(2)
})
