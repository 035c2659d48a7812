import { OwnKeys } from '../../../authority/token/issuing-key-ring.ts'
import type { ServedKeys } from '../../../authority/documents/published-documents.ts'
import { systemClock } from '../../../time/clock.ts'
import { AuthorityKeyRing } from '../../../kube/keys/issuing-key-ring-source.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { AuthorityValues } from './settings.ts'
import { readKeyEncryptionKeys } from '../key-encryption-keys.ts'
import type { Operations } from '../operations.ts'

/**
 * Watches the authority's own key ring until the signal is aborted. `keys` is what signs; `ended` resolves when the watch
 * is over.
 */
export async function startIssuingKeys(options: {
  readonly values: Pick<AuthorityValues, 'namespace' | 'keyEncryptionKeyFile'>
  readonly client: KubeClient
  readonly served: ServedKeys
  readonly operations: Operations
  readonly signal: AbortSignal
}): Promise<{ readonly keys: OwnKeys; readonly ended: Promise<void> }> {
  const { values, client, served, operations, signal } = options
  const { logger, metrics } = operations
  const encryption = await readKeyEncryptionKeys(values.keyEncryptionKeyFile)
  const source = new AuthorityKeyRing({ client, namespace: values.namespace, encryption, logger })
  const keys = new OwnKeys({ source, served, clock: systemClock, logger })
  operations.addCheck('issuing-keys', () => keys.notReady())
  operations.onScrape(() => metrics.issuing.set(keys.active() === undefined ? 0 : 1))
  const ended = source.reflector.run(signal).finally(() => keys.close())
  return { keys, ended }
}
