import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import type { Store } from '../../kube/cache/store.ts'
import { keyOf, type KubeObject } from '../../kube/client/object.ts'
import type { KeySink, Trigger } from '../runtime/triggers.ts'
import { revocationsOf } from './revoked.ts'

interface Sources {
  readonly identities: Trigger<ServiceIdentity & KubeObject>
  /** With `revocationIndexers`. */
  readonly revocations: Trigger<TokenRevocation & KubeObject> & { readonly store: Store<TokenRevocation & KubeObject> }
}

/** A TokenRevocation is reconciled when it changes, or its identity, whose status shows how far the revocation is. */
export function triggers({ identities, revocations }: Sources, queue: KeySink): void {
  identities.onEvent(({ object: { metadata } }) => {
    const identity = { namespace: metadata.namespace ?? '', name: metadata.name }
    for (const revocation of revocationsOf(revocations.store, identity)) queue.add(keyOf(revocation.metadata))
  })
  revocations.onEvent(({ object }) => queue.add(keyOf(object.metadata)))
}
