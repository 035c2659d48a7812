import type { SealedKeyRing } from './key-ring.ts'

/** Where the authority reads its own key ring. */
export interface OwnKeyRingSource {
  /**
   * The ring as last seen; undefined where there is none. The same object while it has not changed. Throws KeyRingError
   * where it cannot be used.
   */
  ring(): SealedKeyRing | undefined
  /**
   * When the ring was last known to be the one that is stored, in milliseconds of the monotonic clock. While a change is
   * being told of, that is still the time at which the ring of before was.
   */
  toldAt(): number | undefined
  /** Calls back after another ring, or none, has been seen. Returns how to stop that. */
  onChange(callback: () => void): () => void
}
