import { ownerKey, type RingOwner } from '../identity/key-owner.ts'
import type { Violation } from '../policy/reasons.ts'
import { MINUTE, SECOND } from '../time/duration.ts'

// Two clients that undo each other's writes would loop without end, so repairs slow down:
//
// | repair                    | without a pause     | then a pause of        | at most | a repair counts              |
// |---------------------------|---------------------|------------------------|---------|------------------------------|
// | workload Secret, caBundle | 5 within 10 minutes | 2 s, doubled with each | 30 s    | for 10 minutes               |
// | key ring                  | the first           | 1 s, doubled with each | 5 min   | until 10 minutes without one |

interface RepairLimits {
  /** How long a repair counts, in milliseconds. */
  readonly windowMs: number
  /** How many repairs within that time wait for nothing. */
  readonly free: number
  /** The longest pause between two repairs, in milliseconds. */
  readonly longestMs: number
}

export const defaultLimits: RepairLimits = { windowMs: 10 * MINUTE, free: 5, longestMs: 30 * SECOND }

/**
 * Milliseconds to wait before the next repair of an object that another client keeps changing; 0 means repair now.
 * `times` are the repairs so far, oldest first, in milliseconds of the same clock as `now`.
 */
export function repairPause(
  times: readonly number[],
  now: number,
  { windowMs, free, longestMs }: RepairLimits = defaultLimits,
): number {
  const recent = times.filter((time) => now - time < windowMs)
  const last = recent.at(-1)
  if (last === undefined || recent.length <= free) return 0
  const pause = Math.min(SECOND * 2 ** (recent.length - free), longestMs)
  return Math.max(0, last + pause - now)
}

/** Remembers the last version that this process wrote of each object, and when it repaired the object. */
export class ObjectRepairs {
  readonly #limits: RepairLimits
  readonly #known = new Map<string, { version: string; readonly times: number[] }>()

  constructor(limits: RepairLimits = defaultLimits) {
    this.#limits = limits
  }

  /**
   * Records a write over the version `previous` (undefined: no object) that gave `version`. The write is a repair if
   * this process has written the object before, and its last version was not `previous`.
   */
  wrote(key: string, previous: string | undefined, version: string, now: number): void {
    const known = this.#known.get(key)
    const times = (known?.times ?? []).filter((time) => now - time < this.#limits.windowMs)
    if (known !== undefined && known.version !== previous) times.push(now)
    this.#known.set(key, { version, times })
  }

  /** Whether another client has changed the object since the last write of this process. */
  isForeign(key: string, version: string | undefined): boolean {
    const known = this.#known.get(key)
    return known !== undefined && known.version !== version
  }

  /** Milliseconds to wait before the next repair; 0 means repair now. */
  pauseMs(key: string, now: number): number {
    return repairPause(this.#known.get(key)?.times ?? [], now, this.#limits)
  }

  forget(key: string): void {
    this.#known.delete(key)
  }
}

/** How long the condition mentions a restore, and a restore counts for the next pause, in milliseconds. */
const restoredMs = 10 * MINUTE
/** Milliseconds to wait before the second restore in a row; doubles with each. */
const firstPauseMs = SECOND
const longestPauseMs = 5 * MINUTE

interface RestoreRecord {
  readonly violation: Violation
  /** Restores in a row. */
  readonly count: number
  readonly at: number
  readonly reported: boolean
}

/** The last restore of a key ring, for the condition and the Event. */
export interface Restored {
  /** Why the ring was restored. */
  readonly violation: Violation
  /** Whether this restore has not been reported before. */
  readonly fresh: boolean
  /** When the condition stops mentioning the restore, in milliseconds since the epoch. */
  readonly until: number
}

/** Remembers the restores of each key ring. Each restore in a row waits twice as long as the one before. */
export class RingRestores {
  readonly #records = new Map<string, RestoreRecord>()

  /** Milliseconds to wait before the ring may be restored; 0 means restore now. */
  delay(owner: RingOwner, now: number): number {
    const record = this.#recent(owner, now)
    if (record === undefined) return 0
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(record.count - 1, 20))
    return Math.max(0, record.at + pause - now)
  }

  note(owner: RingOwner, violation: Violation, now: number): void {
    const count = (this.#recent(owner, now)?.count ?? 0) + 1
    this.#records.set(ownerKey(owner), { violation, count, at: now, reported: false })
  }

  /** The last restore within ten minutes, which then counts as reported. */
  report(owner: RingOwner, now: number): Restored | undefined {
    const record = this.#recent(owner, now)
    if (record === undefined) return undefined
    this.#records.set(ownerKey(owner), { ...record, reported: true })
    return { violation: record.violation, fresh: !record.reported, until: record.at + restoredMs }
  }

  forget(owner: RingOwner): void {
    this.#records.delete(ownerKey(owner))
  }

  #recent(owner: RingOwner, now: number): RestoreRecord | undefined {
    const record = this.#records.get(ownerKey(owner))
    if (record !== undefined && now >= record.at + restoredMs) {
      this.forget(owner)
      return undefined
    }
    return record
  }
}
