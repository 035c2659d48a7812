import { SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import { type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import { publicKeysName } from '../../identity/workload.ts'
import type { KeyLookup } from '../../keys/key-lookup.ts'
import type { Logger } from '../../logger.ts'
import type { KubeClient } from '../client/client.ts'
import { type ConfigMap, publishedKeys } from './config-map-public-key-store.ts'
import { resources } from '../client/resource.ts'

interface KeyLookupOptions {
  readonly client: Pick<KubeClient, 'get'>
  /** The operator's namespace, which contains the public ConfigMaps. */
  readonly namespace: string
  readonly logger: Logger
}

/** Limit of one read, in milliseconds. */
const timeoutMs = 2 * SECOND

/**
 * Returns a function that reads from the API server whether a key is published that may sign for an identity: one of
 * the identity's keys or an issuing key. For keys that the watch has not brought. `unknown` if the read fails.
 */
export function keyLookup({ client, namespace, logger }: KeyLookupOptions): KeyLookup {
  /** Undefined if the ConfigMap is invalid. */
  const isPublished = async (owner: RingOwner, kid: string): Promise<boolean | undefined> => {
    const configMap = await client.get<ConfigMap>(
      resources.configMaps,
      { namespace, name: publicKeysName(owner) },
      { timeoutMs },
    )
    return configMap === undefined ? false : publishedKeys(configMap)?.some((key) => key.kid === kid)
  }
  return async (identity, kid) => {
    try {
      const found = await Promise.all([isPublished(identity, kid), isPublished(theAuthority, kid)])
      if (found.includes(true)) return 'present'
      return found.includes(undefined) ? 'unknown' : 'absent'
    } catch (error) {
      logger.debug('cannot read whether a key is published', { reason: messageOf(error) })
      return 'unknown'
    }
  }
}
