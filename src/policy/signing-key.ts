import type { KeyRing, KeySlot } from '../keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../keys/signing-key.ts'
import { keyRetention, publicationDelay } from '../rotation/lifetimes.ts'
import type { RotationSettings } from '../rotation/schedule.ts'
import {
  activeSlot,
  advance,
  type Circumstances,
  nextChangeAt,
  needsSuccessor,
  nextSlot,
  revoke,
  type SlotChange,
} from '../rotation/slots.ts'
import { Reason } from './reasons.ts'

/** What is asked of the keys of one ring, by an identity's spec for example. Durations in milliseconds. */
export interface WantedKeys {
  readonly algorithm: KeySlot['algorithm']
  readonly rotationPeriod: number
  readonly publishAhead: number
  /** The longest lifetime of the tokens that are to be signed. */
  readonly longestUse: number
  /** The value of the rotate-key annotation, if any. */
  readonly rotationRequest?: string
  /** The keys that must not be trusted any more, whether they are in the ring or not. */
  readonly revoked?: ReadonlySet<string>
}

interface KeyInput {
  readonly ring: KeyRing
  readonly wanted: WantedKeys
  /** The public keys as stored for the authority; undefined where none are. */
  readonly published: readonly PublicJwk[] | undefined
  readonly now: number
}

/** One write of the ring: what it shall be, why, and whether a fresh key has to be put into it first. */
interface RingStep {
  readonly ring: KeyRing
  readonly changes: readonly { readonly keyID: string; readonly change: SlotChange }[]
  /** A successor has to be generated and added in the same write, for this reason. */
  readonly successor?: Reason
  /** Nothing differs from what is stored. */
  readonly unchanged: boolean
}

/** What time, spec and requests make of a ring. The caller generates the successor where one is asked for. */
export function decideRing(input: KeyInput): RingStep {
  const { ring, wanted } = input
  const current = obsoleteSuccessorDropped(raiseLongestUse(ring, wanted), wanted)
  const circumstances = circumstancesOf(input)
  const trusted = revoke(current.slots, wanted.revoked ?? new Set(), circumstances, withoutPrivateHalf)
  const advanced = advance(trusted.slots, circumstances, withoutPrivateHalf)
  const { slots } = advanced
  const changes = [...trusted.changes, ...advanced.changes]
  const activated = changes.some(({ change }) => change === 'Activated')
  const next: KeyRing = {
    ...current,
    slots,
    ...(activated && wanted.rotationRequest !== undefined ? { rotationRequest: wanted.rotationRequest } : {}),
  }
  const after = circumstancesOf({ ...input, ring: next })
  const successor = needsSuccessor(slots, after) ? successorReason(next, wanted) : undefined
  const corrected = slots.some((slot, index) => slot !== current.slots[index])
  const unchanged = current === ring && !corrected && changes.length === 0 && successor === undefined
  return { ring: next, changes, unchanged, ...(successor === undefined ? {} : { successor }) }
}

/**
 * The ring with a freshly generated key: it signs at once where none does (it is the first, or the one before it was
 * revoked), and is published ahead otherwise.
 */
export function withNewKey(
  ring: KeyRing,
  key: Pick<KeySlot, 'keyID' | 'algorithm' | 'publicJwk' | 'privateJwk'>,
  wanted: WantedKeys,
  now: number,
): KeyRing {
  const slot = { ...key, longestUse: wanted.longestUse }
  const urgent = activeSlot(ring.slots) === undefined
  return {
    ...ring,
    slots: [
      ...ring.slots,
      urgent
        ? { ...slot, state: 'Active', publishedAt: now, activeAt: now, urgent: true }
        : { ...slot, state: 'Published' },
    ],
    ...(urgent && wanted.rotationRequest !== undefined ? { rotationRequest: wanted.rotationRequest } : {}),
  }
}

/** The key that may sign now: active, and stored where verifiers find it. */
export function signingSlot({ ring, published }: Pick<KeyInput, 'ring' | 'published'>): KeySlot | undefined {
  const active = activeSlot(ring.slots)
  return active !== undefined && published?.some(({ kid }) => kid === active.keyID) ? active : undefined
}

/** When the ring has to be looked at again by time alone. */
export function ringNextChangeAt(input: KeyInput): number | undefined {
  return nextChangeAt(input.ring.slots, circumstancesOf(input))
}

/**
 * The rotation arithmetic of one identity's keys, or of the authority's where there is no subject. What is published
 * counts once every replica serves it.
 */
export function keyRotationSettings(
  { rotationPeriod, publishAhead }: Pick<WantedKeys, 'rotationPeriod' | 'publishAhead'>,
  subject: string | undefined,
): RotationSettings {
  const seed = subject ?? 'authority'
  return { rotationPeriod, publishAhead: publishAhead + publicationDelay, retention: keyRetention, seed }
}

function circumstancesOf({ ring, wanted, published, now }: KeyInput): Circumstances {
  const kids = new Set(published?.map(({ kid }) => kid))
  const active = activeSlot(ring.slots)
  return {
    now,
    settings: keyRotationSettings(wanted, ring.subject),
    visible: ({ keyID }) => kids.has(keyID),
    hurry: rotationRequested(ring, wanted) || (active !== undefined && active.algorithm !== wanted.algorithm),
  }
}

function rotationRequested(ring: KeyRing, { rotationRequest }: WantedKeys): boolean {
  return rotationRequest !== undefined && rotationRequest !== ring.rotationRequest
}

function successorReason(ring: KeyRing, wanted: WantedKeys): Reason {
  const active = activeSlot(ring.slots)
  if (active === undefined) {
    return ring.slots.some(({ state }) => state === 'Revoked') ? Reason.Revoked : Reason.FirstKey
  }
  if (active.algorithm !== wanted.algorithm) return Reason.AlgorithmChanged
  return rotationRequested(ring, wanted) ? Reason.RotationRequested : Reason.RotationDue
}

/** Written ahead: a key's record of its longest use is raised before anything that lives longer is signed. */
function raiseLongestUse(ring: KeyRing, { longestUse }: WantedKeys): KeyRing {
  const short = (slot: KeySlot): boolean =>
    (slot.state === 'Active' || slot.state === 'Published') && slot.longestUse < longestUse
  if (!ring.slots.some(short)) return ring
  return { ...ring, slots: ring.slots.map((slot) => (short(slot) ? { ...slot, longestUse } : slot)) }
}

/** A successor of an algorithm that is no longer wanted has never signed and may go. */
function obsoleteSuccessorDropped(ring: KeyRing, { algorithm }: WantedKeys): KeyRing {
  const successor = nextSlot(ring.slots)
  if (successor === undefined || successor.algorithm === algorithm) return ring
  return { ...ring, slots: ring.slots.filter((slot) => slot !== successor) }
}

function withoutPrivateHalf(slot: KeySlot): KeySlot {
  const { privateJwk: _dropped, ...kept } = slot
  return kept
}
