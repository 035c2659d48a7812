import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { isAuthority, type RingOwner } from '../../identity/key-owner.ts'
import type { PublicJwk } from '../../keys/signing-key.ts'
import type { Store } from '../../kube/cache/store.ts'
import { revocationsOf } from './by-identity.ts'

/**
 * Whether one of these published keys has been revoked, by a TokenRevocation of the identity or, of the authority, as
 * `authorityRevoked` says: the user has given them up.
 */
export function givenUp(revocations: Store<TokenRevocation>, authorityRevoked: () => ReadonlySet<string>) {
  return (owner: RingOwner, published: readonly PublicJwk[]): boolean => {
    const keyIDs: ReadonlySet<string | undefined> = isAuthority(owner)
      ? authorityRevoked()
      : new Set(revocationsOf(revocations, owner).map(({ spec }) => spec.keyID))
    return published.some(({ kid }) => keyIDs.has(kid))
  }
}
