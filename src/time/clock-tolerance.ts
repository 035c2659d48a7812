import { MINUTE } from './duration.ts'

/**
 * The tolerated difference between two clocks, in milliseconds. Every comparison with a time that another machine wrote
 * allows for it (RFC 7519 §4.1.4: "no more than a few minutes").
 */
export const clockTolerance = MINUTE
