import { isAuthority } from '../../identity/key-owner.ts'
import { keyRingSecretName, publicKeysName, revokeKeyAnnotation } from '../../identity/workload.ts'
import { descendants } from '../../keys/key-ring/endorsement.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import { LockedKeyRingError } from '../../keys/key-ring/codec.ts'
import { KeyRingError } from '../../keys/key-ring/errors.ts'
import type { PublishedKeys } from '../../keys/key-ring/store.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { activeSlot } from '../../rotation/slots.ts'
import type { KeyOwner } from './owner.ts'

/** A stored ring as far as it could be read. */
export type SeenRing =
  | { readonly state: 'absent' }
  | { readonly state: 'whole'; readonly ring: SealedKeyRing; readonly version: string }
  /** Whole, but its private keys are encrypted with a key that is not ours. */
  | { readonly state: 'locked'; readonly ring: SealedKeyRing; readonly message: string }
  | { readonly state: 'unusable'; readonly message: string }

export interface RingEvidence {
  readonly owner: KeyOwner
  readonly seen: SeenRing
  /** The ring that this process wrote or accepted last. */
  readonly lastGood: SealedKeyRing | undefined
  readonly published: PublishedKeys | undefined
  /** The user has given up the keys that are published: make a fresh ring where nothing else helps. */
  readonly lossAccepted: boolean
}

export type RingVerdict =
  /** Go on with what is there. */
  | { readonly kind: 'use' }
  /** There is none and never was: make the first. */
  | { readonly kind: 'create' }
  /** What is there is of no use to anybody: remove it and make the first. */
  | { readonly kind: 'discard' }
  /** Write the last good ring again, over whatever is there. */
  | { readonly kind: 'restore'; readonly ring: SealedKeyRing; readonly violation: Violation }
  /** Make nothing, publish nothing, remove nothing, until the user acts. */
  | { readonly kind: 'hold'; readonly violation: Violation }

/**
 * What to do about a ring: who can write the Secret can delete or replace it, and must neither take valid tokens away
 * nor have a key of their own published. What a process has seen is believed, and after a restart what is published.
 */
export function judgeRing(evidence: RingEvidence): RingVerdict {
  const { owner, seen, lossAccepted } = evidence
  const lastGood = isOf(evidence.lastGood, owner) ? evidence.lastGood : undefined
  const published = isPublishedFor(evidence.published, owner) ? evidence.published : undefined
  if (seen.state === 'whole' || seen.state === 'locked') {
    if (!isOf(seen.ring, owner)) {
      // Of an earlier identity of the name, or of an earlier trust domain.
      if (lastGood === undefined && published === undefined) return { kind: 'discard' }
    } else if (isBelieved(seen, lastGood, published)) {
      if (seen.state === 'whole') return { kind: 'use' }
      if (lossAccepted) return { kind: 'discard' }
      return hold(Reason.KeyEncryptionKeyUnknown, evidence, seen.message)
    } else if (lastGood !== undefined && published === undefined && isLaterThan(seen.ring, lastGood)) {
      // Another leader may have gone on for long, and nothing is published that could tell: in doubt, undo nothing.
      return hold(Reason.KeyRingReplaced, evidence, troubleOf(seen)[1])
    }
  }
  const [reason, what] = troubleOf(seen)
  if (lastGood !== undefined) return { kind: 'restore', ring: lastGood, violation: { reason, message: what } }
  if (seen.state === 'absent' && published === undefined) return { kind: 'create' }
  if (lossAccepted) return { kind: seen.state === 'absent' ? 'create' : 'discard' }
  return hold(reason, evidence, what)
}

/**
 * Whether the ring was written by who had the keys before: sealed by one of them or by one that they endorsed, or in
 * possession of such a key. A key that was revoked proves nothing any more, and what is older than the last good ring
 * was put back by somebody.
 */
function isBelieved(
  seen: SeenRing & { readonly ring: SealedKeyRing },
  lastGood: SealedKeyRing | undefined,
  published: PublishedKeys | undefined,
): boolean {
  const { ring } = seen
  if (lastGood !== undefined && ring.seal.sequence < lastGood.seal.sequence) return false
  // Nothing has been published that could be taken away, or it is this very ring that was.
  if (lastGood === undefined && (published === undefined || published.keys.length === 0)) return true
  if (lastGood === undefined && seen.state === 'whole' && published?.ringVersion === seen.version) return true
  const revoked = new Set(lastGood?.slots.flatMap(({ keyID, state }) => (state === 'Revoked' ? keyID : [])))
  const trusted = [...(published?.keys ?? []), ...(lastGood?.slots ?? []).map(({ publicJwk }) => publicJwk)]
  const known = descendants(
    ring.slots.filter(({ keyID }) => !revoked.has(keyID)),
    trusted.filter(({ kid }) => !revoked.has(kid)),
  )
  // The private half of the active key has been checked where it could be read.
  const active = seen.state === 'whole' ? activeSlot(ring.slots)?.keyID : undefined
  return known.has(ring.seal.keyID) || (active !== undefined && known.has(active))
}

function isLaterThan(ring: SealedKeyRing, other: SealedKeyRing): boolean {
  return ring.seal.sequence > other.seal.sequence
}

function isOf(ring: SealedKeyRing | undefined, { uid, subject }: KeyOwner): boolean {
  return ring?.uid === uid && ring.subject === subject
}

/** Whether tokens of this identity may be out whose keys these are: unreadable ones may have been. */
function isPublishedFor(published: PublishedKeys | undefined, { uid, subject }: KeyOwner): boolean {
  if (published?.uid !== uid) return false
  return published.keys.length === 0 || published.keys.some(({ sub }) => sub === subject)
}

function troubleOf(seen: SeenRing): [Reason, string] {
  if (seen.state === 'absent') return [Reason.KeyRingLost, 'The key ring was deleted']
  if (seen.state === 'unusable') return [Reason.KeyRingUnusable, `The key ring cannot be used: ${seen.message}`]
  return [Reason.KeyRingReplaced, 'The key ring was replaced by another hand']
}

function hold(reason: Reason, evidence: RingEvidence, what: string): RingVerdict {
  return { kind: 'hold', violation: { reason, message: `${what}: ${remedyFor(reason, evidence)}` } }
}

function remedyFor(reason: Reason, { owner, published }: RingEvidence): string {
  if (reason === Reason.KeyEncryptionKeyUnknown) return 'add that key to the file of key-encryption keys'
  const [secret, configMap] = [`the Secret ${keyRingSecretName(owner)}`, `the ConfigMap ${publicKeysName(owner)}`]
  if (!isAuthority(owner)) {
    return `restore ${secret} from a backup, or get fresh keys: revoke a published one with a TokenRevocation, or delete and create the ServiceIdentity`
  }
  // Without what a process remembers, and with nothing published, any ring will do, and none makes a fresh one.
  if (published === undefined || published.keys.length === 0) {
    return `restart signet-controller; where that does not help, delete ${secret} and ${configMap} before`
  }
  return `get fresh keys: name a published one in the annotation ${revokeKeyAnnotation} of ${configMap}`
}

/** Reads a stored ring as far as it can be read. */
export function seenRing(stored: { readonly version: string; open(): SealedKeyRing } | undefined): SeenRing {
  if (stored === undefined) return { state: 'absent' }
  try {
    return { state: 'whole', ring: stored.open(), version: stored.version }
  } catch (error) {
    if (error instanceof LockedKeyRingError) return { state: 'locked', ring: error.ring, message: error.message }
    if (error instanceof KeyRingError) return { state: 'unusable', message: error.message }
    throw error
  }
}
