import type { Violation } from './reasons.ts'

/** Returns a reason, or undefined if the check passes. */
export type Check<Input> = (input: Input) => Violation | undefined

/** The first reason in the order of the list. */
export function firstViolation<Input>(checks: readonly Check<Input>[], input: Input): Violation | undefined {
  for (const check of checks) {
    const violation = check(input)
    if (violation !== undefined) return violation
  }
  return undefined
}
