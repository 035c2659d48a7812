import { describe, expect, it } from 'vitest'
import { restorationPause, Restorations } from '../../src/controller/repair-backoff.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'

describe('restoring what another hand changes', () => {
  it('needs no pause five times in ten minutes, then twice as long each time, up to half a minute', () => {
    const times: number[] = []
    const pauses: number[] = []
    for (let now = 0; pauses.length < 12;) {
      times.push(now)
      const pause = restorationPause(times, now)
      pauses.push(pause / SECOND)
      now += pause
    }
    expect(pauses).toEqual([0, 0, 0, 0, 0, 2, 4, 8, 16, 30, 30, 30])
  })

  it('forgets what is older than ten minutes', () => {
    const times = [1, 2, 3, 4, 5, 6]
    expect(restorationPause(times, 6)).toBe(2 * SECOND)
    expect(restorationPause(times, 10 * MINUTE + 1)).toBe(0)
  })

  it('counts only writes over something that was not our own last one', () => {
    const restorations = new Restorations()
    restorations.wrote('a', undefined, '1', 0)
    expect(restorations.touched('a', '1')).toBe(false)
    for (let version = 1; version < 20; version += 1) restorations.wrote('a', `${version}`, `${version + 1}`, 0)
    expect(restorations.pauseMs('a', 0)).toBe(0)
    expect(restorations.touched('a', undefined)).toBe(true)
    for (let version = 30; version < 36; version += 1) restorations.wrote('a', undefined, `${version}`, 0)
    expect(restorations.pauseMs('a', 0)).toBe(2 * SECOND)
    expect(restorations.pauseMs('b', 0)).toBe(0)
    restorations.forget('a')
    expect([restorations.pauseMs('a', 0), restorations.touched('a', 'x')]).toEqual([0, false])
  })
})
