import { IssuingKeyRing } from '../../../authority/token/issuing-key-ring.ts'
import type { ServedKeys } from '../../../authority/documents/published-documents.ts'
import { systemClock } from '../../../time/clock.ts'
import { SecretIssuingKeyRingSource } from '../../../kube/keys/issuing-key-ring-source.ts'
import type { KubeClient } from '../../../kube/client/client.ts'
import type { AuthorityValues } from './settings.ts'
import { readKeyEncryptionKeys } from '../key-encryption-keys.ts'
import type { Operations } from '../operations.ts'

interface OpenedIssuingKeys {
  readonly keys: IssuingKeyRing
  /** Watches the key ring until the signal is aborted. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** Opens the key ring of the issuing keys. Rejects with a ConfigError if the encryption key is unreadable. */
export async function openIssuingKeys(options: {
  readonly values: Pick<AuthorityValues, 'namespace' | 'keyEncryptionKeyFile'>
  readonly client: KubeClient
  readonly served: ServedKeys
  readonly operations: Pick<Operations, 'logger' | 'metrics' | 'addCheck' | 'onScrape'>
}): Promise<OpenedIssuingKeys> {
  const { values, client, served, operations } = options
  const { logger, metrics } = operations
  const encryption = await readKeyEncryptionKeys(values.keyEncryptionKeyFile)
  const source = new SecretIssuingKeyRingSource({ client, namespace: values.namespace, encryption, logger })
  const keys = new IssuingKeyRing({ source, served, clock: systemClock, logger })
  operations.addCheck('issuing-keys', () => keys.notReady())
  operations.onScrape(() => metrics.issuing.set(keys.active() === undefined ? 0 : 1))
  return { keys, run: (signal) => source.reflector.run(signal).finally(() => keys.close()) }
}
