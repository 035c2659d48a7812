import { describe, expect, it } from 'vitest'
import { ObjectRepairs, repairPause, RingRestores } from '../../src/controller/repair-backoff.ts'
import { Reason } from '../../src/policy/reasons.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'

describe('repairing what another client changes', () => {
  it('needs no pause five times in ten minutes, then twice as long each time, up to half a minute', () => {
    const times: number[] = []
    const pauses: number[] = []
    for (let now = 0; pauses.length < 12;) {
      times.push(now)
      const pause = repairPause(times, now)
      pauses.push(pause / SECOND)
      now += pause
    }
    expect(pauses).toEqual([0, 0, 0, 0, 0, 2, 4, 8, 16, 30, 30, 30])
  })

  it('forgets what is older than ten minutes', () => {
    const times = [1, 2, 3, 4, 5, 6]
    expect(repairPause(times, 6)).toBe(2 * SECOND)
    expect(repairPause(times, 10 * MINUTE + 1)).toBe(0)
  })

  it("counts only writes over another client's version", () => {
    const repairs = new ObjectRepairs()
    repairs.wrote('a', undefined, '1', 0)
    expect(repairs.isForeign('a', '1')).toBe(false)
    for (let version = 1; version < 20; version += 1) repairs.wrote('a', `${version}`, `${version + 1}`, 0)
    expect(repairs.pauseMs('a', 0)).toBe(0)
    expect(repairs.isForeign('a', undefined)).toBe(true)
    for (let version = 30; version < 36; version += 1) repairs.wrote('a', undefined, `${version}`, 0)
    expect(repairs.pauseMs('a', 0)).toBe(2 * SECOND)
    expect(repairs.pauseMs('b', 0)).toBe(0)
    repairs.forget('a')
    expect([repairs.pauseMs('a', 0), repairs.isForeign('a', 'x')]).toEqual([0, false])
  })
})

const orders = { namespace: 'shop', name: 'orders' }
const violation = { reason: Reason.KeyRingLost, message: 'The key ring was deleted' }

describe('restoring a ring', () => {
  it('waits for nothing at first, and twice as long each time in a row, up to five minutes', () => {
    const restores = new RingRestores()
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
    const restores = new RingRestores()
    restores.note(orders, violation, 0)
    expect(restores.delay(orders, 999)).toBe(1)
    restores.note(orders, violation, 1000)
    expect(restores.delay(orders, 1000 + 10 * MINUTE)).toBe(0)
    restores.note(orders, violation, 1000 + 10 * MINUTE)
    expect(restores.delay(orders, 1000 + 10 * MINUTE)).toBe(SECOND)
  })

  it('is reported as fresh once, and for ten minutes', () => {
    const restores = new RingRestores()
    expect(restores.report(orders, 0)).toBeUndefined()
    restores.note(orders, violation, 0)
    expect(restores.report(orders, 1)).toEqual({ violation, fresh: true, until: 10 * MINUTE })
    expect(restores.report(orders, 2)).toMatchObject({ fresh: false })
    expect(restores.report(orders, 10 * MINUTE)).toBeUndefined()
  })
})
