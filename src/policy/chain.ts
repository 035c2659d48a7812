import type { Violation } from './reasons.ts'

/** Gives a reason, or nothing. */
export type Check<Input> = (input: Input) => Violation | undefined

/** The first reason that a list of checks gives, in the list's order. */
export function firstViolation<Input>(checks: readonly Check<Input>[], input: Input): Violation | undefined {
  for (const check of checks) {
    const violation = check(input)
    if (violation !== undefined) return violation
  }
  return undefined
}
