import { expect, it } from 'vitest'
import type { Told } from '../redis/authority/questions.ts'
import { outcomeOf } from './redis.ts'

/** A hundred answers of each endpoint that took so long, but for two. */
function told(usualMs: number, slowMs = usualMs): Told[] {
  return (['introspect', 'token', 'revoke'] as const).flatMap((endpoint) =>
    Array.from({ length: 100 }, (_, index) => ({
      question: 'a live token',
      endpoint,
      verdict: 'right' as const,
      ms: index < 2 ? slowMs : usualMs,
      said: '200 {"active":true}',
    })),
  )
}
const failuresOf = (troubled: readonly Told[]) => outcomeOf([{ title: 'hangs', well: told(5), troubled }]).failures

it('finds nothing short where one in a hundred takes 50 ms more', () => {
  expect(failuresOf(told(5, 55))).toEqual([])
})

it('finds an endpoint that takes longer for more than one in a hundred', () => {
  const failures = failuresOf(told(5, 55.1))
  expect(failures).toHaveLength(3)
  expect(failures[0]).toBe('Redis hangs: p99 of introspect is 55.1 ms, with all well 5.0 ms')
})

it('finds an endpoint that was never answered', () => {
  expect(failuresOf(told(5).filter(({ endpoint }) => endpoint !== 'token'))).toHaveLength(1)
})

it('finds a wrong answer, and does not count 503 as one', () => {
  const [first, ...others] = told(5)
  const evasive = { ...first!, verdict: 'unavailable' as const, said: '503' }
  expect(failuresOf([evasive, ...others])).toEqual([])
  const wrong = { ...first!, verdict: 'wrong' as const, said: '200 {"active":false}' }
  expect(failuresOf([wrong, ...others])).toEqual(['Redis hangs: a live token: 200 {"active":false}'])
})
