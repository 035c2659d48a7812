import type { SealedKeyRing } from './key-ring.ts'

/** Where the authority reads the key ring of its issuing keys. */
export interface IssuingKeyRingSource {
  /**
   * The ring as last observed; undefined if there is none. Returns the same object as long as the ring stays the same.
   * Throws a KeyRingError if the ring is unusable.
   */
  ring(): SealedKeyRing | undefined
  /**
   * When the API server last confirmed the observed ring, in milliseconds of the monotonic clock; undefined before the
   * first list. While `onChange` calls back, this is still the time of the last confirmation of the previous ring.
   */
  confirmedAt(): number | undefined
  /** Calls back after a change of the ring. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void
}
