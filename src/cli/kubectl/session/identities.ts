import type { KeyStatus, ServiceIdentity } from '../../../api/v1alpha1/types.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'
import { listAll } from '../../../kube/client/list-all.ts'
import type { KubeObject } from '../../../kube/client/object.ts'
import { resources } from '../../../kube/client/resource.ts'
import type { Session } from './context.ts'
import { didYouMean } from './did-you-mean.ts'
import { CommandError } from '../terminal/failures.ts'

/** The identities of a namespace, or of all namespaces if it is undefined. Throws CommandError if the CRD is not installed. */
export async function listIdentities(session: Session, namespace: string | undefined): Promise<ServiceIdentity[]> {
  return list<ServiceIdentity>(session, namespace, {})
}

/** The identity with this name. Throws CommandError with a hint if none exists. */
export async function findIdentity(session: Session, name: string): Promise<ServiceIdentity> {
  const { client, namespace } = session
  const found = await client.get<ServiceIdentity>(resources.serviceIdentities, { namespace, name })
  if (found !== undefined) return found
  const names = await list(session, namespace, { metadataOnly: true }).catch((error: unknown) => {
    if (error instanceof KubeError) return undefined
    throw error
  })
  const hint =
    names === undefined
      ? ''
      : `; ${didYouMean(
          name,
          names.map((one) => one.metadata.name),
        )}`
  throw new CommandError(`no ServiceIdentity ${name} in namespace ${namespace}${hint}`)
}

/** Namespace and name: `shop/orders`. */
export function fullName({ metadata: { namespace = '', name } }: ServiceIdentity): string {
  return `${namespace}/${name}`
}

/** The key in the state Active, if one exists. */
export function activeKey(identity: ServiceIdentity): KeyStatus | undefined {
  return identity.status?.keys?.find(({ state }) => state === 'Active')
}

async function list<T extends KubeObject>(
  session: Session,
  namespace: string | undefined,
  query: { readonly metadataOnly?: boolean },
): Promise<T[]> {
  const { signal } = new AbortController()
  try {
    const { items } = await listAll<T>(session.client, resources.serviceIdentities, { ...query, namespace, signal }, '')
    return items
  } catch (error) {
    if (!(error instanceof KubeError && error.isNotFound)) throw error
    throw new CommandError(
      `the cluster at ${session.server} does not serve ServiceIdentities: install Signet there, or use another --context`,
      { cause: error },
    )
  }
}
