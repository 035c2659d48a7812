import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Signer } from '../../keys/signer.ts'

/** A key of the authority that signs tokens for any identity, with a lifetime of at most one hour. */
export interface IssuingKey {
  readonly signer: Signer
  /** Without `sub`: the key is not bound to a subject. */
  readonly publicJwk: PublicJwk
}

/** The key that this replica signs with. The controller creates and rotates the issuing keys. */
export interface IssuingKeys {
  /** The active key; undefined if there is none, and then no token is issued. The same object for the same key. */
  active(): IssuingKey | undefined
}
