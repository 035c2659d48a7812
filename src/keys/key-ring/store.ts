import type { RingOwner } from '../../identity/key-owner.ts'
import type { SealedKeyRing } from './key-ring.ts'
import type { PublicJwk } from '../public-jwk.ts'

/** A stored ring, decoded on demand: decoding verifies signatures, and most reconciles change no ring. */
export interface StoredKeyRing {
  /** Grows with every write. */
  readonly version: string
  /** Whether the ring must be rewritten unchanged, to encrypt it with the current key-encryption key. */
  readonly outdated: boolean
  /** Decodes and checks the ring. Throws a KeyRingError if it is unusable. */
  open(): SealedKeyRing
}

/**
 * Stores key rings. Every write is a compare-and-swap: `create` rejects if a ring exists, the other writes reject if
 * the stored version is no longer the one that was read. The caller then reads again; it never forces a write.
 */
export interface KeyStore {
  /** The ring as last observed; undefined if there is none. */
  get(owner: RingOwner): StoredKeyRing | undefined
  /** Reads the current ring past every cache, and updates the cache. */
  fetch(owner: RingOwner, signal?: AbortSignal): Promise<StoredKeyRing | undefined>
  create(owner: RingOwner, ring: SealedKeyRing, signal?: AbortSignal): Promise<StoredKeyRing>
  replace(owner: RingOwner, stored: StoredKeyRing, ring: SealedKeyRing, signal?: AbortSignal): Promise<StoredKeyRing>
  /** Deletes the ring; with a uid, only if it belongs to the identity with that uid. */
  remove(owner: RingOwner, signal?: AbortSignal, uid?: string): Promise<void>
  /** Deletes the ring if it still has the given version. */
  discard(owner: RingOwner, stored: StoredKeyRing, signal?: AbortSignal): Promise<void>
}

/** The published keys of one identity, or the published issuing keys. */
export interface PublishedKeys {
  /** Empty if the stored JWK Set is invalid. */
  readonly keys: readonly PublicJwk[]
  /** The uid of the identity that the keys were published for. */
  readonly uid: string | undefined
  /** The version of the ring that the keys come from. */
  readonly ringVersion: string | undefined
  /** The version of the stored object, for the next write. */
  readonly version: string
}

/** Stores the public keys that the authority publishes. Every write is a compare-and-swap, as in `KeyStore`. */
export interface PublicKeyStore {
  /** The published keys as last observed; undefined if there are none. */
  get(owner: RingOwner): PublishedKeys | undefined
  /** Reads the currently published keys past every cache, and updates the cache. */
  fetch(owner: RingOwner, signal?: AbortSignal): Promise<PublishedKeys | undefined>
  /** Publishes keys. Replaces `previous`; creates if `previous` is undefined. */
  put(
    owner: RingOwner,
    previous: PublishedKeys | undefined,
    wanted: Omit<PublishedKeys, 'version'> & { readonly uid: string },
    signal?: AbortSignal,
  ): Promise<PublishedKeys>
  /** Deletes the published keys; with a uid, only if they belong to the identity with that uid. */
  remove(owner: RingOwner, signal?: AbortSignal, uid?: string): Promise<void>
}
