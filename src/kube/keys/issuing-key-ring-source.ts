import { theAuthority } from '../../identity/key-owner.ts'
import { keyRingSecretName } from '../../identity/workload.ts'
import type { KeyEncryptionKeys } from '../../keys/key-ring/encryption.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { OwnKeyRingSource } from '../../keys/key-ring/source.ts'
import { decodeKeyRing } from '../../keys/key-ring/codec.ts'
import type { KubeClient } from '../client/client.ts'
import type { Logger } from '../../logger.ts'
import { Reflector } from '../cache/reflector.ts'
import { resources } from '../client/resource.ts'
import type { Secret } from '../secrets/secret-codec.ts'
import { ringText } from './secret-key-store.ts'

interface AuthorityKeyRingOptions {
  readonly client: KubeClient
  /** The operator's own. */
  readonly namespace: string
  /** What the ring is encrypted with at rest; absent: it is stored in clear. */
  readonly encryption: KeyEncryptionKeys | undefined
  readonly logger: Logger
}

/** A ring that has been decoded, or what was wrong with it. */
type Opened = { readonly secret: Secret; readonly open: () => SealedKeyRing }

/** The authority's own key ring, read only: a watch of that one Secret, the only one that the authority may read. */
export class AuthorityKeyRing implements OwnKeyRingSource {
  readonly reflector: Reflector<Secret>
  readonly #options: AuthorityKeyRingOptions
  #opened: Opened | undefined

  constructor(options: AuthorityKeyRingOptions) {
    const { client, namespace, logger } = options
    this.#options = options
    this.reflector = new Reflector<Secret>({
      client,
      resource: resources.secrets,
      namespace,
      // By name, and by that alone: RBAC allows no more.
      fieldSelector: `metadata.name=${keyRingSecretName(theAuthority)}`,
      logger,
    })
  }

  /** Undefined where there is none. Throws KeyRingError where it cannot be used. Each version is decoded once. */
  ring(): SealedKeyRing | undefined {
    const { namespace } = this.#options
    const secret = this.reflector.store.get({ namespace, name: keyRingSecretName(theAuthority) })
    if (secret === undefined) return undefined
    if (this.#opened?.secret !== secret) this.#opened = { secret, open: this.#open(secret) }
    return this.#opened.open()
  }

  confirmedAt(): number | undefined {
    return this.reflector.stats.toldAt
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
