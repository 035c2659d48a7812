import type { RingOwner } from '../../identity/key-owner.ts'
import type { SealedKeyRing } from './key-ring.ts'
import type { PublicJwk } from '../public-jwk.ts'

/** A ring as it is stored, not yet looked into: decoding costs signatures, and most rings are never changed. */
export interface StoredKeyRing {
  /** Changes with every write, and grows. */
  readonly version: string
  /** Whether it is to be written again, as it is, to be encrypted with the current key-encryption key. */
  readonly outdated: boolean
  /** Decodes and checks it. Throws KeyRingError where it cannot be used. */
  open(): SealedKeyRing
}

/**
 * Where key rings live. Every write is a compare-and-swap: `create` fails where a ring is, the others
 * where it is no longer the version that was read. Those failures are retried from a fresh look, never forced.
 */
export interface KeyStore {
  /** The ring as last seen; undefined where there is none. */
  get(owner: RingOwner): StoredKeyRing | undefined
  /** The ring as it is now, past every cache, which learns of it. */
  fetch(owner: RingOwner, signal?: AbortSignal): Promise<StoredKeyRing | undefined>
  create(owner: RingOwner, ring: SealedKeyRing, signal?: AbortSignal): Promise<StoredKeyRing>
  replace(owner: RingOwner, stored: StoredKeyRing, ring: SealedKeyRing, signal?: AbortSignal): Promise<StoredKeyRing>
  /** With a uid, only the ring of the identity of that uid. */
  remove(owner: RingOwner, signal?: AbortSignal, uid?: string): Promise<void>
  /** Removes this very version. */
  discard(owner: RingOwner, stored: StoredKeyRing, signal?: AbortSignal): Promise<void>
}

/** What is published of an identity, or of the authority. */
export interface PublishedKeys {
  /** Empty where what is stored cannot be read. */
  readonly keys: readonly PublicJwk[]
  /** uid of the identity they were published for. */
  readonly uid: string | undefined
  /** Version of the ring they were taken from. */
  readonly ringVersion: string | undefined
  /** Version of what is stored, for the next write. */
  readonly version: string
}

/** Where the public halves live: what the authority publishes. Writes are a compare-and-swap, as those of rings are. */
export interface PublicKeyStore {
  /** What is published as last seen; undefined where there is nothing. */
  get(owner: RingOwner): PublishedKeys | undefined
  /** What is published now, past every cache, which learns of it. */
  fetch(owner: RingOwner, signal?: AbortSignal): Promise<PublishedKeys | undefined>
  /** Publishes over what was read; undefined where nothing was. */
  put(
    owner: RingOwner,
    previous: PublishedKeys | undefined,
    wanted: Omit<PublishedKeys, 'version'> & { readonly uid: string },
    signal?: AbortSignal,
  ): Promise<PublishedKeys>
  /** With a uid, only the keys of the identity of that uid. */
  remove(owner: RingOwner, signal?: AbortSignal, uid?: string): Promise<void>
}
