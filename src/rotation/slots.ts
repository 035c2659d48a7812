import { clockTolerance } from '../time/clock-tolerance.ts'
import { mayActivateAt, publishNextAt, type RotationSettings, removeRetiredAt, rotationDueAt } from './schedule.ts'

type SlotState = 'Published' | 'Active' | 'Retired' | 'Revoked'

/**
 * One key or certificate authority in its life cycle: Published → Active → Retired → removed, or Revoked from any of
 * these. Times in ms.
 */
export interface Slot {
  readonly keyID: string
  readonly state: SlotState
  /** When its public half was known to be stored; absent until then. */
  readonly publishedAt?: number
  /** The publishAhead in force at `publishedAt`: lowering it later does not hurry what verifiers were promised. */
  readonly publishAhead?: number
  readonly activeAt?: number
  readonly retiredAt?: number
  readonly removeAt?: number
  /** The longest lifetime of anything it has signed or may sign before this is raised. */
  readonly longestUse: number
  /** It signed at once, without having been published ahead: a ring's first key, or one replacing a lost or revoked key. */
  readonly urgent?: true
}

export interface Circumstances {
  readonly now: number
  readonly settings: RotationSettings
  /** Whether the public half of the slot is stored where verifiers find it. */
  readonly visible: (slot: Slot) => boolean
  /** Rotate as soon as publishing ahead allows, without waiting for the period to end. */
  readonly hurry: boolean
}

export type SlotChange = 'Published' | 'Activated' | 'Retired' | 'Revoked' | 'Removed'

/**
 * Most slots that are kept. A rotation that is due waits while there are so many, until a retired one may go: with
 * short periods and long lifetimes keys would otherwise pile up in every verifier's key set.
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
 * Everything that time alone has made due: publications recorded, the next slot activated, the active one retired,
 * retired ones removed. Never adds a slot. `retire` drops what a retired slot must not keep (its private half).
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
 * Revokes the slots of these keys. A revoked slot is never visible again; it is remembered until the last thing it may
 * have signed has ended, so that revoking it once more changes nothing. A successor that was published goes with it,
 * since whoever has read one of them has read both. At the limit the oldest revoked slots are forgotten early, so that
 * there is always room for a fresh one. `drop` takes away what a revoked slot must not keep (its private half).
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
 * A time that lies ahead counts from now: waiting for it could take years, and must never be shorter than planned. A
 * retired slot that does not say when it may go is given the time at which it may.
 */
function corrected<S extends Slot>(slot: S, { now, settings }: Circumstances): S {
  const ahead = (time: number | undefined): boolean => time !== undefined && time > now + clockTolerance
  if (slot.state === 'Published' && ahead(slot.publishedAt)) return { ...slot, publishedAt: now }
  if (slot.state === 'Active' && ahead(slot.activeAt)) return { ...slot, activeAt: now }
  if (slot.state !== 'Retired' || slot.removeAt !== undefined) return slot
  return { ...slot, removeAt: removeRetiredAt(slot.retiredAt ?? now, slot.longestUse, settings) }
}

/** A successor whose public half is gone counts anew from when it is back: verifiers may have forgotten it meanwhile. */
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

/** From when a published slot may sign: after the publishAhead of now, and not before that of its publication. */
function allowedAt({ publishedAt, publishAhead = 0 }: Slot, settings: RotationSettings): number | undefined {
  if (publishedAt === undefined) return undefined
  return mayActivateAt(publishedAt, { ...settings, publishAhead: Math.max(publishAhead, settings.publishAhead) })
}

/** Whether a successor of the active slot has to be made now. */
export function needsSuccessor(slots: readonly Slot[], { now, settings, hurry }: Circumstances): boolean {
  if (nextSlot(slots) !== undefined) return false
  const active = activeSlot(slots)
  if (active === undefined) return true
  if (slots.length >= maxSlots) return false
  return hurry || active.activeAt === undefined || now >= publishNextAt(active.activeAt, settings)
}

/** The next moment at which `advance` or `needsSuccessor` will answer differently, by time alone. */
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
    // At the limit only a removal, whose time is in the list already, lets the next one in.
    times.push(publishNextAt(active.activeAt, settings))
  }
  return times.length === 0 ? undefined : Math.min(...times)
}
