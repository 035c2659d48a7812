import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { authorityUid, isAuthority } from '../../identity/key-owner.ts'
import { annotatedOwner } from '../../kube/keys/owner-annotations.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Reflector } from '../../kube/cache/reflector.ts'
import type { Secret } from '../../kube/secrets/secret-codec.ts'
import type { SecretKeyStore } from '../../kube/keys/secret-key-store.ts'
import type { TrustedRings } from './trusted-rings.ts'

/**
 * Lets every replica, leading or not, remember the last good ring of the authority and of each existing identity, so
 * that a replica that becomes the leader can restore a ring deleted while it was not leading.
 */
export function rememberRings(options: {
  readonly keyRings: Pick<Reflector<Secret>, 'onEvent'>
  readonly identities: Pick<Reflector<ServiceIdentity & KubeObject>, 'onEvent' | 'store'>
  readonly rings: SecretKeyStore
  readonly trusted: TrustedRings
}): void {
  const { keyRings, identities, rings, trusted } = options
  keyRings.onEvent(({ type, object, previous }) => {
    const name = annotatedOwner(previous ?? object)
    if (name === undefined) return
    const uid = isAuthority(name) ? authorityUid : identities.store.get(name)?.metadata.uid
    if (uid === undefined) return
    if (previous !== undefined) rings.recognise(previous, object)
    if (type === 'deleted') trusted.learn(name, uid, rings.stored(object))
    else trusted.learn(name, uid, previous && rings.stored(previous), rings.stored(object))
  })
  identities.onEvent(({ type, object: { metadata } }) => {
    if (type === 'deleted') trusted.forget({ namespace: metadata.namespace ?? '', name: metadata.name })
  })
}
