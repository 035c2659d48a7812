import { expect, it } from 'vitest'
import { Pace } from './pace.ts'

it('gives each request at its time, however late it is asked', () => {
  const pace = new Pace(1000)
  expect(pace.take(0)).toEqual([0])
  expect(pace.take(0.9)).toEqual([])
  expect(pace.take(3.5)).toEqual([1, 2, 3])
  expect(pace.take(3.5)).toEqual([])
})

it('keeps to a pace that does not divide a second', () => {
  const pace = new Pace(3)
  const all = [500, 1000, 2000, 10_000].flatMap((elapsed) => pace.take(elapsed))
  expect(all).toHaveLength(31)
  expect(all.at(-1)).toBe(10_000)
})
