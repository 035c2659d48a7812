import type { KeyRing, KeySlot } from '../keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../keys/public-jwk.ts'
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

/** The desired keys of a ring, from an identity's spec for example. Durations in milliseconds. */
export interface WantedKeys {
  readonly algorithm: KeySlot['algorithm']
  readonly rotationPeriod: number
  readonly publishAhead: number
  /** The longest lifetime of the tokens to be signed. */
  readonly longestUse: number
  /** The value of the rotate-key annotation, if set. */
  readonly rotationRequest?: string
  /** IDs of the revoked keys, which need not be in the ring. */
  readonly revoked?: ReadonlySet<string>
}

interface KeyInput {
  readonly ring: KeyRing
  readonly wanted: WantedKeys
  /** The stored public keys; undefined if none are stored. */
  readonly published: readonly PublicJwk[] | undefined
  readonly now: number
}

/** The next write of the ring, and its reasons. */
interface RingStep {
  readonly ring: KeyRing
  readonly changes: readonly { readonly keyID: string; readonly change: SlotChange }[]
  /** Set if the caller must add a generated successor in the same write; the value is the reason. */
  readonly successor?: Reason
  /** Whether the ring equals the stored one. */
  readonly unchanged: boolean
}

/** Applies time, spec and requests to a ring. The caller generates the successor if one is needed. */
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
 * Adds a generated key to a ring. Without an active key (the first key, or after a revocation) it signs at once;
 * otherwise it is published ahead.
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

/** The key that may sign: active, and stored where verifiers find it. */
export function signingSlot({ ring, published }: Pick<KeyInput, 'ring' | 'published'>): KeySlot | undefined {
  const active = activeSlot(ring.slots)
  return active !== undefined && published?.some(({ kid }) => kid === active.keyID) ? active : undefined
}

/** When time alone next changes the ring, in milliseconds since the epoch; undefined for never. */
export function ringNextChangeAt(input: KeyInput): number | undefined {
  return nextChangeAt(input.ring.slots, circumstancesOf(input))
}

/**
 * The rotation settings of an identity's keys, or of the issuing keys if `subject` is undefined. `publishAhead` is
 * extended by the time until every replica serves the key.
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

/** Raised before a longer-lived token is signed, so that a crash in between never removes a key too early. */
function raiseLongestUse(ring: KeyRing, { longestUse }: WantedKeys): KeyRing {
  const short = (slot: KeySlot): boolean =>
    (slot.state === 'Active' || slot.state === 'Published') && slot.longestUse < longestUse
  if (!ring.slots.some(short)) return ring
  return { ...ring, slots: ring.slots.map((slot) => (short(slot) ? { ...slot, longestUse } : slot)) }
}

/** Drops a successor of an algorithm that is no longer wanted; it has never signed. */
function obsoleteSuccessorDropped(ring: KeyRing, { algorithm }: WantedKeys): KeyRing {
  const successor = nextSlot(ring.slots)
  if (successor === undefined || successor.algorithm === algorithm) return ring
  return { ...ring, slots: ring.slots.filter((slot) => slot !== successor) }
}

function withoutPrivateHalf(slot: KeySlot): KeySlot {
  const { privateJwk: _dropped, ...kept } = slot
  return kept
}
