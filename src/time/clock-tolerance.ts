import { MINUTE } from './duration.ts'

/**
 * How far two clocks may differ, in milliseconds, before one of them counts as wrong. Every comparison with a time that
 * another machine wrote allows for it (RFC 7519 §4.1.4: "no more than a few minutes").
 */
export const clockTolerance = MINUTE
