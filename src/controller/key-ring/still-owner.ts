import { isAuthority } from '../../identity/key-owner.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { resources } from '../../kube/client/resource.ts'
import type { KeyOwner } from './owner.ts'

/** Asks the API server, past every cache, whether the identity still has this uid. Always true for the authority. */
export function stillOwner(client: KubeClient) {
  return async (owner: KeyOwner, signal: AbortSignal): Promise<boolean> => {
    if (isAuthority(owner)) return true
    const { namespace, name, uid } = owner
    const live = await client.get(resources.serviceIdentities, { namespace, name }, { signal })
    return live?.metadata.uid === uid
  }
}
