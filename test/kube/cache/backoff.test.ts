import { expect, it } from 'vitest'
import { Backoff, defaultBackoff } from '../../../src/kube/cache/backoff.ts'

it('Backoff doubles from 0.8 s to 10 s, spread over the whole of it, and starts anew after two healthy minutes', () => {
  const backoff = new Backoff(defaultBackoff, () => 1)
  let now = 0
  const waits = Array.from({ length: 8 }, () => {
    const wait = backoff.next(now)
    now += wait
    return wait
  })
  expect(waits).toEqual([800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000])
  expect(backoff.next(now + 119_000)).toBe(10_000)
  expect(backoff.next(now + 119_000 + 10_000 + 120_001)).toBe(800)
  expect(new Backoff(defaultBackoff, () => 0.25).next(0)).toBe(200)
})
