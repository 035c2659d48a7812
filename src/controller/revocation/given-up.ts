import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { isAuthority, type RingOwner } from '../../identity/key-owner.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Store } from '../../kube/cache/store.ts'
import { revocationsOf } from './revoked.ts'

/**
 * Whether the user has given up the published keys, by revoking one of them: keys of an identity by a TokenRevocation,
 * issuing keys by an annotation, whose key IDs `authorityRevoked` returns.
 */
export function givenUp(revocations: Store<TokenRevocation>, authorityRevoked: () => ReadonlySet<string>) {
  return (owner: RingOwner, published: readonly PublicJwk[]): boolean => {
    const keyIDs: ReadonlySet<string | undefined> = isAuthority(owner)
      ? authorityRevoked()
      : new Set(revocationsOf(revocations, owner).map(({ spec }) => spec.keyID))
    return published.some(({ kid }) => keyIDs.has(kid))
  }
}
