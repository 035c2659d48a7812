import { theAuthority } from '../../identity/key-owner.ts'
import { keyRingSecretName } from '../../identity/workload.ts'
import type { KeyEncryptionKeys } from '../../keys/key-ring/encryption.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { IssuingKeyRingSource } from '../../keys/key-ring/source.ts'
import { decodeKeyRing } from '../../keys/key-ring/codec.ts'
import type { KubeClient } from '../client/client.ts'
import type { Logger } from '../../logger.ts'
import { Reflector } from '../cache/reflector.ts'
import { resources } from '../client/resource.ts'
import type { Secret } from '../secrets/secret-codec.ts'
import { ringText } from './secret-key-store.ts'

interface IssuingKeyRingSourceOptions {
  readonly client: KubeClient
  /** The operator's namespace. */
  readonly namespace: string
  /** Decrypts the private keys. Undefined: they are stored unencrypted. */
  readonly encryption: KeyEncryptionKeys | undefined
  readonly logger: Logger
}

/** A decoded ring. `open` returns it, or throws the error of decoding it. */
type Opened = { readonly secret: Secret; readonly open: () => SealedKeyRing }

/** The issuing keys' ring, read-only, from a watch of its Secret: the only Secret that the authority may read. */
export class SecretIssuingKeyRingSource implements IssuingKeyRingSource {
  readonly reflector: Reflector<Secret>
  readonly #options: IssuingKeyRingSourceOptions
  #opened: Opened | undefined

  constructor(options: IssuingKeyRingSourceOptions) {
    const { client, namespace, logger } = options
    this.#options = options
    this.reflector = new Reflector<Secret>({
      client,
      resource: resources.secrets,
      namespace,
      // RBAC allows the authority this Secret only.
      fieldSelector: `metadata.name=${keyRingSecretName(theAuthority)}`,
      logger,
    })
  }

  /** Undefined if there is no ring. Throws a KeyRingError if it is unusable. Decodes each version once. */
  ring(): SealedKeyRing | undefined {
    const { namespace } = this.#options
    const secret = this.reflector.store.get({ namespace, name: keyRingSecretName(theAuthority) })
    if (secret === undefined) return undefined
    if (this.#opened?.secret !== secret) this.#opened = { secret, open: this.#open(secret) }
    return this.#opened.open()
  }

  confirmedAt(): number | undefined {
    return this.reflector.stats.confirmedAt
  }

  onChange(callback: () => void): () => void {
    let stopped = false
    this.reflector.onEvent(() => {
      if (!stopped) callback()
    })
    return () => {
      stopped = true
    }
  }

  #open(secret: Secret): () => SealedKeyRing {
    try {
      const ring = decodeKeyRing(ringText(secret), { encryption: this.#options.encryption })
      return () => ring
    } catch (error) {
      return () => {
        throw error
      }
    }
  }
}
