import { type IdentityName, identityKey } from './service-identity.ts'

/**
 * Names the authority as an owner of keys. Its issuing keys are bound to no subject and sign tokens for any identity.
 */
interface AuthorityName {
  readonly authority: true
}

/** The owner of a key ring: an identity, or the authority for its issuing keys. */
export type RingOwner = IdentityName | AuthorityName

export const theAuthority: AuthorityName = Object.freeze({ authority: true })

/** Replaces the identity's uid in the key ring of the authority, which exists only once. */
export const authorityUid = 'authority'

export function isAuthority(owner: RingOwner): owner is AuthorityName {
  return 'authority' in owner
}

/** `shop/orders` or `authority`. The two never collide: an identity's key contains a slash. */
export function ownerKey(owner: RingOwner): string {
  return isAuthority(owner) ? 'authority' : identityKey(owner)
}
