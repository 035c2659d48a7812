import type { Slot } from '../../rotation/slots.ts'
import type { Algorithm } from '../algorithm.ts'
import type { PublicJwk } from '../public-jwk.ts'
import type { PrivateJwk } from '../signing-key.ts'

/**
 * A signature over the content of a ring by a key that was in the ring before the write. A writer that cannot read the
 * Secret has no such key; a writer that can read it has every key, and no seal protects against that writer.
 */
export interface Seal {
  /** The key that was active before the write; a first ring is sealed by its own first key. */
  readonly keyID: string
  /** Grows by one with every write, so that a restored older ring is recognised. */
  readonly sequence: number
  /** base64url; `keys/key-ring/seal` defines what is signed. */
  readonly signature: string
}

/**
 * A signature over the kid of a new key by the key that sealed that write. An endorsement is kept as long as its key,
 * so that a reader that missed the writes in between can tell that a key descends from one that it knows.
 */
export interface Endorsement {
  /** The endorsing key. */
  readonly keyID: string
  /** base64url; `keys/key-ring/endorsement` defines what is signed. */
  readonly signature: string
}

/** A signing key with its state. A retired key has no private half. */
export interface KeySlot extends Slot {
  readonly algorithm: Algorithm
  readonly publicJwk: PublicJwk
  readonly privateJwk?: PrivateJwk
  /** Absent on the first key of a ring. */
  readonly endorsedBy?: Endorsement
}

/** The keys of one identity, or the issuing keys, as stored in the key ring's Secret. */
export interface KeyRing {
  /**
   * The uid of the ServiceIdentity that owns the keys; a recreated identity gets a new ring. `authorityUid` for the
   * issuing keys.
   */
  readonly uid: string
  /** The only subject that the keys may sign for; undefined for the issuing keys, which sign for any subject. */
  readonly subject: string | undefined
  /** The last value of the rotate-key annotation that caused a rotation. */
  readonly rotationRequest?: string
  readonly slots: readonly KeySlot[]
}

/** A ring with the seal of its last writer. */
export interface SealedKeyRing extends KeyRing {
  readonly seal: Seal
}

/** The public keys for verifiers: every key that is not revoked, the oldest first. */
export function publicKeys(ring: KeyRing): readonly PublicJwk[] {
  return ring.slots.filter(({ state }) => state !== 'Revoked').map(({ publicJwk }) => publicJwk)
}
