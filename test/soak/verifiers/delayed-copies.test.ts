import { expect, it } from 'vitest'
import { CopyHistory } from './delayed-copies.ts'

it('gives the youngest copy that is old enough, and none before there is one', () => {
  const history = new CopyHistory(30_000)
  history.add(1000, 'first')
  history.add(2000, 'second')
  history.add(3000, 'third')
  expect([30_999, 31_000, 32_500, 33_000, 90_000].map((now) => history.get(now))).toEqual([
    undefined,
    'first',
    'second',
    'third',
    'third',
  ])
})
