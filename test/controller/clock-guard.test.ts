import { describe, expect, it } from 'vitest'
import { ClockGuard } from '../../src/controller/clock-guard.ts'
import { MINUTE } from '../../src/duration.ts'
import { recordingLogger } from '../fakes/api-server-fixture.ts'
import { HeldClock } from '../fakes/held-clock.ts'

describe('the clock of reconcilers', () => {
  it('does not tell the time while the API server contradicts it, and says so once each way', () => {
    let offset: number | undefined
    const clock = new HeldClock()
    const logger = recordingLogger()
    const guard = new ClockGuard({ clock, offset: () => offset, logger })
    let told = 0
    const forget = guard.onSuspended(() => (told += 1))
    expect([guard.now(), guard.monotonic(), guard.violation()]).toEqual([clock.now(), clock.now(), undefined])
    offset = 2 * MINUTE
    for (let look = 0; look < 3; look += 1) {
      expect(() => guard.now()).toThrow(expect.objectContaining({ code: 'ERR_CLOCK_DISAGREES' }))
      expect(guard.violation()?.reason).toBe('ClockDisagrees')
      expect(guard.monotonic()).toBe(clock.now())
    }
    offset = 0
    expect(guard.now()).toBe(clock.now())
    expect(told).toBe(1)
    forget()
    expect(logger.lines).toEqual([
      'error clock disagrees with the API server, standing back until it agrees {"offsetSeconds":120}',
      'info clock agrees with the API server again {"offsetSeconds":0}',
    ])
  })
})
