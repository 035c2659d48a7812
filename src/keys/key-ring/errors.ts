import { SignetError } from '../../errors.ts'

/**
 * A stored ring cannot be used: `ERR_KEY_RING_FORM`, `ERR_KEY_RING_INTEGRITY` (its keys are not what they say),
 * `ERR_KEY_RING_SEAL` (its content is not what its last writer signed). Messages never show what the ring holds.
 */
export class KeyRingError extends SignetError {}
