import type { IdentityName } from '../identity/service-identity.ts'
import type { IdentityKeys } from './identity-keys.ts'
import type { PublicJwk } from './public-jwk.ts'

/** Where the authority learns the public keys of all identities, and which of its own are published. */
export interface PublicKeySource {
  /** The keys that verifiers may need, of every identity that has some, in any order. */
  identities(): readonly IdentityKeys[]
  /** Whether an identity is among them. */
  has(identity: IdentityName): boolean
  /** The authority's own, which are bound to no subject. The same list while they have not changed. */
  authorityKeys(): readonly PublicJwk[]
  /** Grows with every change of the keys. A set of a lower version is an older one. */
  readonly version: number
  /**
   * Grows with every change of the keys too, and comes from what all replicas see, so that of two replicas' sets the one
   * with the higher sequence is never the older one.
   */
  readonly sequence: number
  /** Whether the keys are all there, not only those seen so far. */
  ready(): boolean
  /** Calls back after the keys or the readiness have changed. Returns how to stop that. */
  onChange(callback: () => void): () => void
}
