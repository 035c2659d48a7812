import { type IdentityName, identityKey } from '../../identity/service-identity.ts'
import { injectedAnnotation } from '../../identity/workload.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Indexer, Store } from '../../kube/cache/store.ts'

/** Index of pods by the identity whose files they mount. Not proven: a user may write any name into the annotation. */
const podsByIdentity = 'identity'

export const podIndexers: Readonly<Record<string, Indexer<KubeObject>>> = {
  [podsByIdentity]: (pod) => {
    const identity = identityOfPod(pod)
    return identity === undefined ? [] : [identityKey(identity)]
  },
}

/** The identity that was injected into a pod; undefined without injection. */
export function identityOfPod({ metadata }: KubeObject): IdentityName | undefined {
  const name = metadata.annotations?.[injectedAnnotation]
  return name && metadata.namespace ? { namespace: metadata.namespace, name } : undefined
}

export function podsOfIdentity(pods: Store<KubeObject>, identity: IdentityName): KubeObject[] {
  return pods.byIndex(podsByIdentity, identityKey(identity))
}
