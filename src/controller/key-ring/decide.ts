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

/** A stored key ring, as far as it can be read. */
export type SeenRing =
  | { readonly state: 'absent' }
  | { readonly state: 'whole'; readonly ring: SealedKeyRing; readonly version: string }
  /** Whole, but its private keys are encrypted under a key-encryption key that this process does not have. */
  | { readonly state: 'locked'; readonly ring: SealedKeyRing; readonly message: string }
  | { readonly state: 'unusable'; readonly message: string }

export interface RingEvidence {
  readonly owner: KeyOwner
  readonly seen: SeenRing
  /** The ring that this process wrote or trusted last. */
  readonly lastGood: SealedKeyRing | undefined
  readonly published: PublishedKeys | undefined
  /** Whether the user has given up the published keys: then a fresh ring replaces one that nothing else can repair. */
  readonly lossAccepted: boolean
}

export type RingVerdict =
  /** Use the stored ring. */
  | { readonly kind: 'use' }
  /** No ring exists and none has existed: create the first. */
  | { readonly kind: 'create' }
  /** The stored ring is of no use: delete it and create the first. */
  | { readonly kind: 'discard' }
  /** Write the last good ring again, over the stored one. */
  | { readonly kind: 'restore'; readonly ring: SealedKeyRing; readonly violation: Violation }
  /** Create, publish and delete nothing until the user acts. */
  | { readonly kind: 'block'; readonly violation: Violation }

/**
 * Decides what to do about a stored ring. A client that can write the Secret can delete or replace the ring, but must
 * neither invalidate tokens nor get a key of its own published. So a ring is trusted if it descends from the last good
 * ring in memory or, after a restart, from the published keys.
 */
export function judgeRing(evidence: RingEvidence): RingVerdict {
  const { owner, seen, lossAccepted } = evidence
  const lastGood = isOf(evidence.lastGood, owner) ? evidence.lastGood : undefined
  const published = isPublishedFor(evidence.published, owner) ? evidence.published : undefined
  if (seen.state === 'whole' || seen.state === 'locked') {
    if (!isOf(seen.ring, owner)) {
      // The ring belongs to an earlier identity of the same name, or to an earlier trust domain.
      if (lastGood === undefined && published === undefined) return { kind: 'discard' }
    } else if (isTrusted(seen, lastGood, published)) {
      if (seen.state === 'whole') return { kind: 'use' }
      if (lossAccepted) return { kind: 'discard' }
      return block(Reason.KeyEncryptionKeyUnknown, evidence, seen.message)
    } else if (lastGood !== undefined && published === undefined && isLaterThan(seen.ring, lastGood)) {
      // Another leader may have written it, and no published key can prove that: in doubt, overwrite nothing.
      return block(Reason.KeyRingReplaced, evidence, problemOf(seen)[1])
    }
  }
  const [reason, problem] = problemOf(seen)
  if (lastGood !== undefined) return { kind: 'restore', ring: lastGood, violation: { reason, message: problem } }
  if (seen.state === 'absent' && published === undefined) return { kind: 'create' }
  if (lossAccepted) return { kind: seen.state === 'absent' ? 'create' : 'discard' }
  return block(reason, evidence, problem)
}

/**
 * Whether the writer of the ring had its earlier keys: the ring is sealed by an earlier key or by a key that an earlier
 * key endorsed, or its active key is such a key. A revoked key proves nothing. A ring older than the last good one was
 * restored from an old copy and is not trusted.
 */
function isTrusted(
  seen: SeenRing & { readonly ring: SealedKeyRing },
  lastGood: SealedKeyRing | undefined,
  published: PublishedKeys | undefined,
): boolean {
  const { ring } = seen
  if (lastGood !== undefined && ring.seal.sequence < lastGood.seal.sequence) return false
  // Without published keys there is no token to invalidate. Otherwise this ring may be the one that was published.
  if (lastGood === undefined && (published === undefined || published.keys.length === 0)) return true
  if (lastGood === undefined && seen.state === 'whole' && published?.ringVersion === seen.version) return true
  const revoked = new Set(lastGood?.slots.flatMap(({ keyID, state }) => (state === 'Revoked' ? keyID : [])))
  const trusted = [...(published?.keys ?? []), ...(lastGood?.slots ?? []).map(({ publicJwk }) => publicJwk)]
  const known = descendants(
    ring.slots.filter(({ keyID }) => !revoked.has(keyID)),
    trusted.filter(({ kid }) => !revoked.has(kid)),
  )
  // Reading a whole ring has checked that the private half of the active key matches.
  const active = seen.state === 'whole' ? activeSlot(ring.slots)?.keyID : undefined
  return known.has(ring.seal.keyID) || (active !== undefined && known.has(active))
}

function isLaterThan(ring: SealedKeyRing, other: SealedKeyRing): boolean {
  return ring.seal.sequence > other.seal.sequence
}

function isOf(ring: SealedKeyRing | undefined, { uid, subject }: KeyOwner): boolean {
  return ring?.uid === uid && ring.subject === subject
}

/** Whether workloads may have tokens that verify with these keys. Unreadable published keys count as such. */
function isPublishedFor(published: PublishedKeys | undefined, { uid, subject }: KeyOwner): boolean {
  if (published?.uid !== uid) return false
  return published.keys.length === 0 || published.keys.some(({ sub }) => sub === subject)
}

function problemOf(seen: SeenRing): [Reason, string] {
  if (seen.state === 'absent') return [Reason.KeyRingLost, 'The key ring was deleted']
  if (seen.state === 'unusable') return [Reason.KeyRingUnusable, `The key ring was damaged (${seen.message})`]
  return [Reason.KeyRingReplaced, 'The key ring was replaced by an untrusted one']
}

function block(reason: Reason, evidence: RingEvidence, problem: string): RingVerdict {
  return { kind: 'block', violation: { reason, message: `${problem}: ${remedyFor(reason, evidence)}` } }
}

function remedyFor(reason: Reason, { owner, published }: RingEvidence): string {
  if (reason === Reason.KeyEncryptionKeyUnknown) return 'add that key to the file of key-encryption keys'
  const [secret, configMap] = [`the Secret ${keyRingSecretName(owner)}`, `the ConfigMap ${publicKeysName(owner)}`]
  if (!isAuthority(owner)) {
    return `restore ${secret} from a backup, or get fresh keys: revoke a published one with a TokenRevocation, or delete and create the ServiceIdentity`
  }
  // Without a ring in memory and without published keys, any stored ring is trusted, and a missing ring is created.
  if (published === undefined || published.keys.length === 0) {
    return `restart signet-controller; if that does not help, delete ${secret} and ${configMap}, and restart it again`
  }
  return `get fresh keys: name a published one in the annotation ${revokeKeyAnnotation} of ${configMap}`
}

/** Reads a stored ring, as far as it can be read. Rethrows every error but KeyRingError. */
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
