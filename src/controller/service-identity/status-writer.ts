import { apiVersion, serviceIdentities } from '../../api/v1alpha1/group-version.ts'
import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { sameJson } from '../../json.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { resources } from '../../kube/client/resource.ts'
import type { Clock } from '../../time/clock.ts'
import { fieldManager } from '../field-manager.ts'
import { type Outcome, statusOf } from './status.ts'

/** Applies the status that follows from an outcome, unless the identity has it already. */
export async function writeStatus(
  identity: ServiceIdentity,
  outcome: Outcome,
  { client, identities, clock }: { client: KubeClient; identities: Store<ServiceIdentity>; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const status = statusOf(identity, outcome, clock.now())
  if (sameJson(identity.status, status)) return
  const { name, namespace = '', uid = '' } = identity.metadata
  const applied = await client.apply<ServiceIdentity>(
    resources.serviceIdentities,
    { apiVersion, kind: serviceIdentities.kind, metadata: { name, namespace, uid }, status },
    { fieldManager, force: true, subresource: 'status', signal },
  )
  identities.insertIfNewer(applied)
}
