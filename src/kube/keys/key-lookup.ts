import { SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import { type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { publicKeysName } from '../../identity/workload.ts'
import type { Logger } from '../../logger.ts'
import type { KubeClient } from '../client/client.ts'
import { type ConfigMap, publishedKeys } from './config-map-public-key-store.ts'
import { resources } from '../client/resource.ts'

interface KeyLookupOptions {
  readonly client: Pick<KubeClient, 'get'>
  /** The operator's own, which the public ConfigMaps are in. */
  readonly namespace: string
  readonly logger: Logger
}

/** How long one look may take. */
const timeoutMs = 2 * SECOND

/**
 * Looks whether a key is published that may sign for an identity: its own, or the authority's. For when the watch has not
 * told of it; the answer is the API server's newest state. `unknown` where it cannot be read.
 */
export function keyLookup({ client, namespace, logger }: KeyLookupOptions) {
  /** Undefined where that cannot be told. */
  const isPublished = async (owner: RingOwner, kid: string): Promise<boolean | undefined> => {
    const configMap = await client.get<ConfigMap>(
      resources.configMaps,
      { namespace, name: publicKeysName(owner) },
      { timeoutMs },
    )
    return configMap === undefined ? false : publishedKeys(configMap)?.some((key) => key.kid === kid)
  }
  return async (identity: IdentityName, kid: string): Promise<'present' | 'absent' | 'unknown'> => {
    try {
      const found = await Promise.all([isPublished(identity, kid), isPublished(theAuthority, kid)])
      if (found.includes(true)) return 'present'
      return found.includes(undefined) ? 'unknown' : 'absent'
    } catch (error) {
      logger.debug('cannot look whether a key is published', { reason: messageOf(error) })
      return 'unknown'
    }
  }
}
