import { jitter } from './jitter.ts'

/** How often a key (or a certificate authority) is replaced. All in milliseconds. */
export interface RotationSettings {
  /** From one activation to the next. */
  readonly rotationPeriod: number
  /** From publication to first use: at least as long as the slowest verifier holds its copy. */
  readonly publishAhead: number
  /** How long a retired slot is kept after the last thing it signed has ended. */
  readonly retention: number
  /** Spreads the rotations of many identities; the same seed always gives the same times. */
  readonly seed: string
}

/** The share of the period by which rotations are brought forward, at most. */
const spread = 0.1

/** When the slot that became active at `activeAt` is due to be followed by the next. */
export function rotationDueAt(activeAt: number, { rotationPeriod, seed }: RotationSettings): number {
  return activeAt + Math.floor(rotationPeriod * (1 - spread * jitter(seed)))
}

/** When the next slot is to be published, so that it has been published long enough when the rotation is due. */
export function publishNextAt(activeAt: number, settings: RotationSettings): number {
  return Math.max(activeAt, rotationDueAt(activeAt, settings) - settings.publishAhead)
}

/** The earliest moment at which a slot published at `publishedAt` may sign. */
export function mayActivateAt(publishedAt: number, { publishAhead }: RotationSettings): number {
  return publishedAt + publishAhead
}

/** When a slot retired at `retiredAt` may go: after the last thing it signed has ended, and some more. */
export function removeRetiredAt(retiredAt: number, longestUse: number, { retention }: RotationSettings): number {
  return retiredAt + longestUse + retention
}
