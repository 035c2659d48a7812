import { MINUTE, SECOND } from '../../time/duration.ts'
import { ownerKey, type RingOwner } from '../../identity/key-owner.ts'
import type { Violation } from '../../policy/reasons.ts'

/** A ring that has been restored stays worth a word for so long, and the next fight counts anew after it. */
const memoryMs = 10 * MINUTE
/** Milliseconds to wait before the second restore in a row; doubles with each. */
const baseMs = SECOND
const longestMs = 5 * MINUTE

interface Record {
  readonly violation: Violation
  readonly count: number
  readonly at: number
  readonly reported: boolean
}

/** A restore as the status and the Event tell of it. */
export interface Restored {
  readonly violation: Violation
  /** Not told of before. */
  readonly fresh: boolean
  /** When it is not worth a word any more, in milliseconds since the epoch. */
  readonly until: number
}

/** Keeps a fight over a ring from becoming a hot loop: each restore in a row waits twice as long as the one before. */
export class Restores {
  readonly #records = new Map<string, Record>()

  /** Milliseconds to wait before the ring may be restored; 0: now. */
  delay(owner: RingOwner, now: number): number {
    const record = this.#recent(owner, now)
    if (record === undefined) return 0
    const pause = Math.min(longestMs, baseMs * 2 ** Math.min(record.count - 1, 20))
    return Math.max(0, record.at + pause - now)
  }

  note(owner: RingOwner, violation: Violation, now: number): void {
    const count = (this.#recent(owner, now)?.count ?? 0) + 1
    this.#records.set(ownerKey(owner), { violation, count, at: now, reported: false })
  }

  /** The last restore, while it is worth a word; marks it as told of. */
  report(owner: RingOwner, now: number): Restored | undefined {
    const record = this.#recent(owner, now)
    if (record === undefined) return undefined
    this.#records.set(ownerKey(owner), { ...record, reported: true })
    return { violation: record.violation, fresh: !record.reported, until: record.at + memoryMs }
  }

  forget(owner: RingOwner): void {
    this.#records.delete(ownerKey(owner))
  }

  #recent(owner: RingOwner, now: number): Record | undefined {
    const record = this.#records.get(ownerKey(owner))
    if (record !== undefined && now >= record.at + memoryMs) {
      this.forget(owner)
      return undefined
    }
    return record
  }
}
