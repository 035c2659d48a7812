import { jitter } from './jitter.ts'

/** The rotation schedule of keys, or of certificate authorities. All in milliseconds. */
export interface RotationSettings {
  /** From one activation to the next. */
  readonly rotationPeriod: number
  /** From publication to first use; must cover the longest cache time of verifiers. */
  readonly publishAhead: number
  /** How long a retired slot is kept after everything it signed has ended. */
  readonly retention: number
  /** Spreads the rotations of many identities; a seed always gives the same times. */
  readonly seed: string
}

/** The largest share of the period by which a rotation is brought forward. */
const spread = 0.1

/** When the slot that became active at `activeAt` is replaced. */
export function rotationDueAt(activeAt: number, { rotationPeriod, seed }: RotationSettings): number {
  return activeAt + Math.floor(rotationPeriod * (1 - spread * jitter(seed)))
}

/** When the next slot is published: `publishAhead` before the rotation is due. */
export function publishNextAt(activeAt: number, settings: RotationSettings): number {
  return Math.max(activeAt, rotationDueAt(activeAt, settings) - settings.publishAhead)
}

/** The earliest time at which a slot published at `publishedAt` may sign. */
export function mayActivateAt(publishedAt: number, { publishAhead }: RotationSettings): number {
  return publishedAt + publishAhead
}

/** When a slot retired at `retiredAt` is removed: after everything it signed has ended, plus the retention. */
export function removeRetiredAt(retiredAt: number, longestUse: number, { retention }: RotationSettings): number {
  return retiredAt + longestUse + retention
}
