import { describe, expect, it } from 'vitest'
import { didYouMean } from '../../../../src/cli/kubectl/session/did-you-mean.ts'

describe('didYouMean', () => {
  it.each([
    ['a missing letter', 'order', ['payments', 'orders'], 'did you mean orders?'],
    ['swapped letters', 'roders', ['orders', 'payments'], 'did you mean orders?'],
    ['the closest of several', 'orders', ['orders-eu', 'orderz'], 'did you mean orderz?'],
    [
      'a longer name, by a quarter of its letters',
      'notifications',
      ['notifiers', 'notification-x'],
      'did you mean notification-x?',
    ],
    ['all names where none is close', 'ledger', ['orders', 'payments'], 'existing names: orders, payments'],
    [
      'five names at most',
      'x-ray',
      ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd', 'eeeeee', 'ffffff', 'gggggg'],
      'existing names: aaaaaa, bbbbbb, cccccc, dddddd, eeeeee, and 2 more',
    ],
    ['nothing where there is none', 'orders', [], 'none exists'],
  ])('says %s', (_, wanted, names, expected) => {
    expect(didYouMean(wanted, names)).toBe(expected)
  })
})
