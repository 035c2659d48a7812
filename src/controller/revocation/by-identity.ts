import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { type IdentityName, identityKey } from '../../identity/service-identity.ts'
import type { Indexer, Store } from '../../kube/cache/store.ts'

/** Index of TokenRevocations by the identity of their namespace that they name. */
const byIdentity = 'identity'

export const revocationIndexers: Readonly<Record<string, Indexer<TokenRevocation>>> = {
  [byIdentity]: (revocation) => [identityKey(identityOf(revocation))],
}

/** The identity whose key or tokens are revoked: always one of the revocation's own namespace. */
export function identityOf({ metadata, spec }: TokenRevocation): IdentityName {
  return { namespace: metadata.namespace ?? '', name: spec.identity }
}

export function revocationsOf(store: Store<TokenRevocation>, identity: IdentityName): TokenRevocation[] {
  return store.byIndex(byIdentity, identityKey(identity))
}
