import type { ServiceIdentity, TokenRevocation } from '../../api/v1alpha1/types.ts'
import { isAuthority } from '../../identity/key-owner.ts'
import { identityKey } from '../../identity/service-identity.ts'
import { identityNameOfSecret } from '../../identity/workload.ts'
import { keyOf, type KubeObject } from '../../kube/client/object.ts'
import { annotatedOwner } from '../../kube/keys/owner-annotations.ts'
import { identityOf } from '../revocation/revoked.ts'
import { type KeySink, priorityOf, type Trigger } from '../runtime/triggers.ts'

interface Sources {
  readonly identities: Trigger<ServiceIdentity & KubeObject>
  readonly revocations: Trigger<TokenRevocation & KubeObject>
  readonly workloadSecrets: Trigger<KubeObject>
  readonly keyRings: Trigger<KubeObject>
  readonly publicKeys: Trigger<KubeObject>
}

/** An identity is reconciled after a change of itself, its TokenRevocations, Secret, key ring or public keys. */
export function triggers(
  { identities, revocations, workloadSecrets, keyRings, publicKeys }: Sources,
  queue: KeySink,
): void {
  // Own writes wake the controller too: a status is applied over any spec, so the event of an own write may bring a
  // spec that a user has changed meanwhile.
  identities.onEvent((event) => queue.add(keyOf(event.object.metadata), priorityOf(event)))
  revocations.onEvent(({ object }) => queue.add(identityKey(identityOf(object))))
  // Secrets and ConfigMaps are compared and swapped, so the event of an own write brings nothing new.
  workloadSecrets.onEvent((event) => {
    const { name: secretName, namespace } = event.object.metadata
    const name = identityNameOfSecret(secretName)
    if (name !== undefined && event.own !== true) queue.add(keyOf({ namespace, name }), priorityOf(event))
  })
  for (const source of [keyRings, publicKeys]) {
    source.onEvent((event) => {
      const owner = event.own === true ? undefined : annotatedOwner(event.object)
      if (owner !== undefined && !isAuthority(owner)) queue.add(identityKey(owner), priorityOf(event))
    })
  }
}
