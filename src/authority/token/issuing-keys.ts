import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Signer } from '../../keys/signer.ts'

/** A key of the authority's own with which it signs tokens for any identity, an hour at most. */
export interface IssuingKey {
  readonly signer: Signer
  /** Without `sub`: the key is bound to no single subject. */
  readonly publicJwk: PublicJwk
}

/** The authority's own key ring as this replica has read it. The controller makes it and rotates it. */
export interface IssuingKeys {
  /** The key that signs now; undefined while there is none, and then nothing is issued. The same object for the same key. */
  active(): IssuingKey | undefined
}
