import { describe, expect, it } from 'vitest'
import { CheckedClock } from '../../src/time/checked-clock.ts'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { recordingLogger } from '../fakes/api-server-fixture.ts'
import { HeldClock } from '../fakes/held-clock.ts'

describe('the clock of reconcilers', () => {
  it('does not tell the time while the API server contradicts it, and says so once each way', () => {
    let offset: number | undefined
    const clock = new HeldClock()
    const logger = recordingLogger()
    const checked = new CheckedClock({ clock, offset: () => offset, logger })
    let paused = 0
    const forget = checked.onPaused(() => (paused += 1))
    expect([checked.now(), checked.monotonic(), checked.problem()]).toEqual([clock.now(), clock.now(), undefined])
    offset = 2 * MINUTE
    for (let look = 0; look < 3; look += 1) {
      expect(() => checked.now()).toThrow(expect.objectContaining({ code: 'ERR_CLOCK_DISAGREES' }))
      expect(checked.problem()).toBe("the clock of this replica differs from the API server's by more than 60 s")
      expect(checked.monotonic()).toBe(clock.now())
    }
    offset = 0
    expect(checked.now()).toBe(clock.now())
    expect(paused).toBe(1)
    forget()
    expect(logger.lines).toEqual([
      `error local clock differs from the API server's; no decisions until they agree {"offsetSeconds":120}`,
      `info local clock agrees with the API server's again {"offsetSeconds":0}`,
    ])
  })

  it.each([
    [undefined, false, false],
    [undefined, true, false],
    [0, false, false],
    [60, false, false],
    [-60, false, false],
    [61, false, true],
    [-61, false, true],
    [31_536_000, false, true],
    // An offset that is not a number proves no agreement.
    [Number.NaN, false, true],
    [Number.NaN, true, true],
    // Once paused, the clocks have to agree clearly, so that an offset at the limit does not make leaders come and go.
    [55, true, true],
    [-55, true, true],
    [50, true, false],
    [-50, true, false],
  ])('an offset of %s s, paused before: %s, pauses: %s', (seconds, before, pauses) => {
    let offset: number | undefined = before ? MINUTE + SECOND : 0
    const checked = new CheckedClock({ clock: new HeldClock(), offset: () => offset, logger: recordingLogger() })
    expect(checked.problem() !== undefined).toBe(before)
    offset = seconds === undefined ? undefined : seconds * SECOND
    expect(checked.problem() !== undefined).toBe(pauses)
  })
})
