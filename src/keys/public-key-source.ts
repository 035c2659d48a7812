import type { IdentityName } from '../identity/service-identity.ts'
import type { IdentityKeys } from './identity-keys.ts'
import type { PublicJwk } from './public-jwk.ts'

/** The public keys in the cluster: those of every identity, and the issuing keys. */
export interface PublicKeySource {
  /** The keys that verifiers may need, of every identity that has keys, in any order. */
  identities(): readonly IdentityKeys[]
  /** Whether the identity has keys. */
  has(identity: IdentityName): boolean
  /** The issuing keys, which are not bound to a subject. Returns the same list as long as they stay the same. */
  issuingKeys(): readonly PublicJwk[]
  /** Grows with every change of the keys. A set of a lower version is an older one. */
  readonly version: number
  /**
   * Grows with every change of the keys and is derived from the cluster's state, so that of two replicas' sets the one
   * with the higher sequence is never the older one.
   */
  readonly sequence: number
  /** Whether the list of keys is complete. */
  ready(): boolean
  /** Calls back after a change of the keys or of the readiness. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void
}
