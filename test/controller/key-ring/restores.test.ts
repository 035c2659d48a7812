import { describe, expect, it } from 'vitest'
import { Restores } from '../../../src/controller/key-ring/restores.ts'
import { MINUTE, SECOND } from '../../../src/time/duration.ts'
import { Reason } from '../../../src/policy/reasons.ts'

const orders = { namespace: 'shop', name: 'orders' }
const violation = { reason: Reason.KeyRingLost, message: 'The key ring was deleted' }

describe('restoring a ring', () => {
  it('waits for nothing at first, and twice as long each time in a row, up to five minutes', () => {
    const restores = new Restores()
    let now = 0
    const delays = Array.from({ length: 12 }, () => {
      const delay = restores.delay(orders, now)
      now += delay
      restores.note(orders, violation, now)
      return delay / SECOND
    })
    expect(delays).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
    expect(restores.delay({ ...orders, name: 'other' }, now)).toBe(0)
  })

  it('counts anew after ten minutes of quiet', () => {
    const restores = new Restores()
    restores.note(orders, violation, 0)
    expect(restores.delay(orders, 999)).toBe(1)
    restores.note(orders, violation, 1000)
    expect(restores.delay(orders, 1000 + 10 * MINUTE)).toBe(0)
    restores.note(orders, violation, 1000 + 10 * MINUTE)
    expect(restores.delay(orders, 1000 + 10 * MINUTE)).toBe(SECOND)
  })

  it('is told of as fresh once, and for ten minutes', () => {
    const restores = new Restores()
    expect(restores.report(orders, 0)).toBeUndefined()
    restores.note(orders, violation, 0)
    expect(restores.report(orders, 1)).toEqual({ violation, fresh: true, until: 10 * MINUTE })
    expect(restores.report(orders, 2)).toMatchObject({ fresh: false })
    expect(restores.report(orders, 10 * MINUTE)).toBeUndefined()
  })
})
