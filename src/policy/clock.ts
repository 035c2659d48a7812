import { MINUTE, SECOND } from '../duration.ts'
import { Reason, type Violation } from './reasons.ts'

/** Clocks that differ by more are not both to be believed. */
export const clockTolerance = MINUTE

/** Once suspended, the clocks have to be this much closer before they are believed again. */
const margin = 10 * SECOND

/**
 * Why nothing may be decided by this clock: the API server's says otherwise. `offset` is how far this one is ahead, in
 * milliseconds, undefined where the API server has not told; `suspended` whether it was out of bounds already.
 */
export function clockViolation(offset: number | undefined, suspended: boolean): Violation | undefined {
  if (offset === undefined) return undefined
  if (Math.abs(offset) <= (suspended ? clockTolerance - margin : clockTolerance)) return undefined
  return {
    reason: Reason.ClockDisagrees,
    message: `the clock of this replica and the API server's differ by more than ${clockTolerance / SECOND} s`,
  }
}
