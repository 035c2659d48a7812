import { MINUTE } from './duration.ts'

/**
 * The tolerated difference between two clocks, in milliseconds (RFC 7519 §4.1.4: "no more than a few minutes"). Applies
 * to every time of another machine that may seem to be in the future. Whether an expired token is tolerated as long
 * depends on the check: verifiers and revocation tolerate one, introspection and the check of ServiceAccount tokens do
 * not.
 */
export const clockTolerance = MINUTE
