import { type IdentityName, identityKey } from './service-identity.ts'

/** The authority itself: its keys are bound to no subject, and sign tokens for any identity. */
interface AuthorityName {
  readonly authority: true
}

/** Whose key ring it is: an identity's, or the authority's own. */
export type RingOwner = IdentityName | AuthorityName

export const theAuthority: AuthorityName = Object.freeze({ authority: true })

/** Stands in the authority's ring where an identity's has the uid of the identity: there is one authority, for ever. */
export const authorityUid = 'authority'

export function isAuthority(owner: RingOwner): owner is AuthorityName {
  return 'authority' in owner
}

/** `shop/orders`, or `authority`, which is the key of no identity: that has a slash. */
export function ownerKey(owner: RingOwner): string {
  return isAuthority(owner) ? 'authority' : identityKey(owner)
}
