import type { Clock } from '../../time/clock.ts'
import { SignetError } from '../../errors.ts'
import { authorityUid, type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import type { KeyStore, PublicKeyStore } from '../../keys/key-ring/store.ts'
import type { generateSigningKey, PublicJwk } from '../../keys/signing-key.ts'
import type { Violation } from '../../policy/reasons.ts'

/** Whose keys these are, and what they are bound to. */
export type KeyOwner = RingOwner & {
  readonly uid: string
  /** Undefined for the authority, whose keys sign for any subject. */
  readonly subject: string | undefined
}

export const authorityOwner: KeyOwner = { ...theAuthority, uid: authorityUid, subject: undefined }

export interface KeyRingOptions {
  readonly rings: KeyStore
  readonly publicKeys: PublicKeyStore
  readonly clock: Clock
  readonly generate: typeof generateSigningKey
  /** Asks the API server itself whether this identity, by uid, is the one that exists. */
  readonly stillOwner: (owner: KeyOwner, signal: AbortSignal) => Promise<boolean>
  /** Whether the user has given up these published keys, whose ring is lost; by default never. */
  readonly lossAccepted?: (owner: KeyOwner, published: readonly PublicJwk[]) => boolean
}

/** What the watch shows is out of date: try again when it has caught up. */
export class StaleIdentityError extends SignetError {}

/** Somebody else has written the ring since, or published from a later one. */
export class StaleKeyRingError extends SignetError {}

/** Nothing may be done about the keys yet: the condition says why, and in how many milliseconds to look again. */
export class KeyRingHeldError extends SignetError {
  readonly violation: Violation
  readonly lookAgainMs: number

  constructor(violation: Violation, lookAgainMs: number) {
    super('ERR_KEY_RING_HELD', violation.message)
    this.violation = violation
    this.lookAgainMs = lookAgainMs
  }
}
