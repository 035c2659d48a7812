import type { Clock } from '../../time/clock.ts'
import { SignetError } from '../../errors.ts'
import { authorityUid, type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import type { KeyStore, PublicKeyStore } from '../../keys/key-ring/store.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { generateSigningKey } from '../../keys/signing-key.ts'
import type { Violation } from '../../policy/reasons.ts'

/** The owner of a key ring, and what its keys are bound to. */
export type KeyOwner = RingOwner & {
  readonly uid: string
  /** The only `sub` that the keys sign for; undefined for the authority, whose keys sign for any subject. */
  readonly subject: string | undefined
}

export const authorityOwner: KeyOwner = { ...theAuthority, uid: authorityUid, subject: undefined }

export interface KeyRingOptions {
  readonly rings: KeyStore
  readonly publicKeys: PublicKeyStore
  readonly clock: Clock
  readonly generate: typeof generateSigningKey
  /** Whether the API server, asked past every cache, still has this owner under this uid. */
  readonly stillOwner: (owner: KeyOwner, signal: AbortSignal) => Promise<boolean>
  /** Whether the user has given up these published keys, whose ring is lost; by default never. */
  readonly lossAccepted?: (owner: KeyOwner, published: readonly PublicJwk[]) => boolean
}

/** The identity has been deleted or recreated, which the watch does not show yet; retry once it does. */
export class StaleIdentityError extends SignetError {}

/** Another process has written the key ring since it was read, or published keys of a later one; retry. */
export class StaleKeyRingError extends SignetError {}

/**
 * The keys must stay untouched until the user acts, or until the pause before the next restore is over. The violation
 * goes into the condition.
 */
export class KeyRingBlockedError extends SignetError {
  readonly violation: Violation
  /** Milliseconds until the next reconcile if nothing changes before. */
  readonly lookAgainMs: number

  constructor(violation: Violation, lookAgainMs: number) {
    super('ERR_KEY_RING_BLOCKED', violation.message)
    this.violation = violation
    this.lookAgainMs = lookAgainMs
  }
}
