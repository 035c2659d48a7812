import { SignetError } from '../../errors.ts'

/**
 * A stored ring is unusable. Messages never contain key material.
 *
 * | code | cause |
 * |---|---|
 * | `ERR_KEY_RING_FORM` | the JSON does not have the form of a ring |
 * | `ERR_KEY_RING_INTEGRITY` | a key does not match its ID, its slot, its other half or the ring's subject |
 * | `ERR_KEY_RING_SEAL` | the seal does not match the content |
 * | `ERR_KEY_RING_LOCKED` | a key-encryption key is missing, see `LockedKeyRingError` |
 */
export class KeyRingError extends SignetError {}
