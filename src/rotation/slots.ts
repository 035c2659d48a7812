import { clockTolerance } from '../time/clock-tolerance.ts'
import { mayActivateAt, publishNextAt, type RotationSettings, removeRetiredAt, rotationDueAt } from './schedule.ts'

type SlotState = 'Published' | 'Active' | 'Retired' | 'Revoked'

/**
 * A key or certificate authority in its life cycle: Published → Active → Retired → removed, or Revoked from any state.
 * Times (since the epoch) and durations in milliseconds.
 */
export interface Slot {
  readonly keyID: string
  readonly state: SlotState
  /** When the public half was first seen stored; absent before. */
  readonly publishedAt?: number
  /** The publishAhead at `publishedAt`. Lowering the setting later does not shorten the wait of this slot. */
  readonly publishAhead?: number
  readonly activeAt?: number
  readonly retiredAt?: number
  readonly removeAt?: number
  /**
   * The longest lifetime of everything the slot has signed, and may sign until this value is raised, in milliseconds.
   */
  readonly longestUse: number
  /**
   * The slot signed without having been published ahead: the first key of a ring, or the replacement of a lost or
   * revoked key.
   */
  readonly urgent?: true
}

export interface Circumstances {
  readonly now: number
  readonly settings: RotationSettings
  /** Whether the public half of the slot is stored where verifiers find it. */
  readonly visible: (slot: Slot) => boolean
  /** Rotate as soon as `publishAhead` permits, without waiting for the end of the period. */
  readonly hurry: boolean
}

export type SlotChange = 'Published' | 'Activated' | 'Retired' | 'Revoked' | 'Removed'

/**
 * The most slots of a ring. At the limit a rotation waits until a retired slot is removed: with short periods and long
 * lifetimes, keys would otherwise accumulate in every verifier's key set.
 */
export const maxSlots = 128

interface Advance<S extends Slot> {
  readonly slots: readonly S[]
  readonly changes: readonly { readonly keyID: string; readonly change: SlotChange }[]
}

export function activeSlot<S extends Slot>(slots: readonly S[]): S | undefined {
  return slots.find(({ state }) => state === 'Active')
}

export function nextSlot<S extends Slot>(slots: readonly S[]): S | undefined {
  return slots.find(({ state }) => state === 'Published')
}

/**
 * Applies everything that is due by time: records publications, activates the next slot, retires the active one and
 * removes retired ones. Never adds a slot. `retire` drops the private half of a retired slot.
 */
export function advance<S extends Slot>(
  slots: readonly S[],
  circumstances: Circumstances,
  retire: (slot: S) => S,
): Advance<S> {
  const changes: { keyID: string; change: SlotChange }[] = []
  const note = (slot: S, change: SlotChange): S => {
    changes.push({ keyID: slot.keyID, change })
    return slot
  }
  const { now, settings, visible } = circumstances
  const recorded = slots
    .map((slot) => corrected(slot, circumstances))
    .map((slot) => withoutLostPublication(slot, visible))
    .map((slot) =>
      slot.state === 'Published' && slot.publishedAt === undefined && visible(slot)
        ? note({ ...slot, publishedAt: now, publishAhead: settings.publishAhead }, 'Published')
        : slot,
    )
  const successor = nextSlot(recorded)
  const activating = successor !== undefined && isDue(recorded, successor, circumstances)
  const moved = recorded.map((slot) => {
    if (!activating) return slot
    if (slot === successor) {
      const early: { urgent?: true } = isPublishedAhead(slot, circumstances) ? {} : { urgent: true }
      return note({ ...slot, ...early, state: 'Active', activeAt: now }, 'Activated')
    }
    if (slot.state !== 'Active') return slot
    const removeAt = removeRetiredAt(now, slot.longestUse, settings)
    return note(retire({ ...slot, state: 'Retired', retiredAt: now, removeAt }), 'Retired')
  })
  const kept = moved.filter((slot) => {
    const over = slot.state === 'Retired' || slot.state === 'Revoked'
    const gone = over && slot.removeAt !== undefined && now >= slot.removeAt
    if (gone) note(slot, 'Removed')
    return !gone
  })
  return { slots: kept, changes }
}

/**
 * Revokes the slots of the given keys. A revoked slot is no longer published, and is kept until everything it may have
 * signed has ended, so that revoking it again changes nothing. A published successor is removed as well, because a
 * thief of the ring has both. Beyond `maxSlots` the oldest revoked slots are removed early, so that a new key always
 * has room. `drop` drops the private half of a revoked slot.
 */
export function revoke<S extends Slot>(
  slots: readonly S[],
  keyIDs: ReadonlySet<string>,
  { now, settings }: Pick<Circumstances, 'now' | 'settings'>,
  drop: (slot: S) => S,
): Advance<S> {
  const named = ({ keyID, state }: Slot): boolean => state !== 'Revoked' && keyIDs.has(keyID)
  const revoked = slots.filter(named)
  if (revoked.length === 0) return { slots, changes: [] }
  const successor = nextSlot(slots)
  const left = slots.flatMap((slot): S[] => {
    if (!named(slot)) return slot === successor ? [] : [slot]
    const removeAt = removeRetiredAt(now, slot.longestUse, settings)
    return [drop({ ...slot, state: 'Revoked', retiredAt: slot.retiredAt ?? now, removeAt })]
  })
  const spare = left.filter(({ state }) => state === 'Revoked').slice(0, Math.max(0, left.length - maxSlots))
  const changes = [
    ...revoked.map(({ keyID }) => ({ keyID, change: 'Revoked' as const })),
    ...(successor === undefined || named(successor) ? [] : [{ keyID: successor.keyID, change: 'Removed' as const }]),
  ]
  return { slots: left.filter((slot) => !spare.includes(slot)), changes }
}

/**
 * Replaces times in the future by now: waiting for them could take years, and the wait must not become shorter than
 * planned. Adds a missing removal time to a retired slot.
 */
function corrected<S extends Slot>(slot: S, { now, settings }: Circumstances): S {
  const ahead = (time: number | undefined): boolean => time !== undefined && time > now + clockTolerance
  if (slot.state === 'Published' && ahead(slot.publishedAt)) return { ...slot, publishedAt: now }
  if (slot.state === 'Active' && ahead(slot.activeAt)) return { ...slot, activeAt: now }
  if (slot.state !== 'Retired' || slot.removeAt !== undefined) return slot
  return { ...slot, removeAt: removeRetiredAt(slot.retiredAt ?? now, slot.longestUse, settings) }
}

/**
 * A successor whose public half is missing waits again from its next publication, because verifiers may have dropped
 * it.
 */
function withoutLostPublication<S extends Slot>(slot: S, visible: Circumstances['visible']): S {
  if (slot.state !== 'Published' || slot.publishedAt === undefined || visible(slot)) return slot
  const { publishedAt: _lost, publishAhead: _promised, ...unpublished } = slot
  return unpublished as S
}

function isDue(slots: readonly Slot[], successor: Slot, circumstances: Circumstances): boolean {
  const { now, settings, visible, hurry } = circumstances
  if (!visible(successor)) return false
  const active = activeSlot(slots)
  if (active === undefined) return true
  return (
    isPublishedAhead(successor, circumstances) &&
    (hurry || active.activeAt === undefined || now >= rotationDueAt(active.activeAt, settings))
  )
}

function isPublishedAhead(slot: Slot, { now, settings }: Circumstances): boolean {
  const allowed = allowedAt(slot, settings)
  return allowed !== undefined && now >= allowed
}

/** When a published slot may sign: after the longer of the current publishAhead and the one at its publication. */
function allowedAt({ publishedAt, publishAhead = 0 }: Slot, settings: RotationSettings): number | undefined {
  if (publishedAt === undefined) return undefined
  return mayActivateAt(publishedAt, { ...settings, publishAhead: Math.max(publishAhead, settings.publishAhead) })
}

/** Whether the active slot needs a successor now. */
export function needsSuccessor(slots: readonly Slot[], { now, settings, hurry }: Circumstances): boolean {
  if (nextSlot(slots) !== undefined) return false
  const active = activeSlot(slots)
  if (active === undefined) return true
  if (slots.length >= maxSlots) return false
  return hurry || active.activeAt === undefined || now >= publishNextAt(active.activeAt, settings)
}

/** When `advance` or `needsSuccessor` next gives another result by time alone; undefined for never. */
export function nextChangeAt(slots: readonly Slot[], { settings, hurry }: Circumstances): number | undefined {
  const inUse = ['Published', 'Active']
  const times = slots.flatMap(({ state, removeAt }) =>
    removeAt === undefined || inUse.includes(state) ? [] : removeAt,
  )
  const active = activeSlot(slots)
  const successor = nextSlot(slots)
  if (active !== undefined && successor !== undefined) {
    const allowed = allowedAt(successor, settings)
    const due = hurry || active.activeAt === undefined ? 0 : rotationDueAt(active.activeAt, settings)
    if (allowed !== undefined) times.push(Math.max(allowed, due))
  } else if (active?.activeAt !== undefined && slots.length < maxSlots) {
    // At the limit only a removal makes room, and its time is already in the list.
    times.push(publishNextAt(active.activeAt, settings))
  }
  return times.length === 0 ? undefined : Math.min(...times)
}
