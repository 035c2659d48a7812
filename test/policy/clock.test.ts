import { describe, expect, it } from 'vitest'
import { SECOND } from '../../src/duration.ts'
import { clockViolation } from '../../src/policy/clock.ts'
import { Reason } from '../../src/policy/reasons.ts'

describe('whether a clock may be decided by', () => {
  it.each([
    [undefined, false, undefined],
    [undefined, true, undefined],
    [0, false, undefined],
    [60, false, undefined],
    [-60, false, undefined],
    [61, false, Reason.ClockDisagrees],
    [-61, false, Reason.ClockDisagrees],
    [31_536_000, false, Reason.ClockDisagrees],
    // Once suspended, agreement has to be clear, so that an offset at the limit does not make leaders come and go.
    [55, true, Reason.ClockDisagrees],
    [-55, true, Reason.ClockDisagrees],
    [50, true, undefined],
    [-50, true, undefined],
  ])('an offset of %s s, suspended before: %s, gives %s', (seconds, suspended, reason) => {
    expect(clockViolation(seconds === undefined ? undefined : seconds * SECOND, suspended)?.reason).toBe(reason)
  })
})
