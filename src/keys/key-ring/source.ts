import type { SealedKeyRing } from './key-ring.ts'

/** Where the authority reads the key ring of its issuing keys. */
export interface IssuingKeyRingSource {
  /**
   * The ring as last observed; undefined if there is none. Returns the same object as long as the ring stays the same.
   * Throws a KeyRingError if the ring is unusable.
   */
  ring(): SealedKeyRing | undefined
  /**
   * When the observed ring was last known to be the stored one, in milliseconds of the monotonic clock. While
   * `onChange` is calling back, this is still the time at which the previous ring was.
   */
  confirmedAt(): number | undefined
  /** Calls back after a change of the ring. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void
}
