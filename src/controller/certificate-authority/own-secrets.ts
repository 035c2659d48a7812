import { KubeError } from '../../kube/client/api-errors.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { resources } from '../../kube/client/resource.ts'
import type { Secret } from '../../kube/secrets/secret-codec.ts'
import type { Store } from '../../kube/cache/store.ts'

interface OwnSecretsOptions {
  readonly client: KubeClient
  readonly store: Store<Secret>
  readonly namespace: string
}

/** Single Secrets of Signet's own namespace, read from the watch and written with preconditions. */
export class OwnSecrets {
  readonly #options: OwnSecretsOptions

  constructor(options: OwnSecretsOptions) {
    this.#options = options
  }

  find(name: string): Secret | undefined {
    const { store, namespace } = this.#options
    return store.get({ namespace, name })
  }

  /** Creates the Secret, or replaces the version whose metadata `wanted` took from `previous`; throws a conflict. */
  async write(wanted: Secret, previous: Secret | undefined, signal: AbortSignal): Promise<void> {
    const { client, store } = this.#options
    if (previous !== undefined) {
      store.insertIfNewer(await client.replace(resources.secrets, wanted, { signal }))
      return
    }
    try {
      store.insertIfNewer(await client.create(resources.secrets, wanted, { signal }))
    } catch (error) {
      if (error instanceof KubeError && error.isAlreadyExists) await this.#relabel(wanted, signal)
      throw error
    }
  }

  /**
   * Restores the labels of an existing Secret that the watch does not show without them. The data stays, so that the
   * retry continues with it.
   */
  async #relabel({ metadata, type }: Secret, signal: AbortSignal): Promise<void> {
    const { client, store } = this.#options
    const live = await client.get<Secret>(resources.secrets, metadata, { signal })
    if (live === undefined || live.type !== type) return
    const labelled = {
      ...live,
      metadata: { ...live.metadata, labels: { ...live.metadata.labels, ...metadata.labels } },
    }
    store.insertIfNewer(await client.replace(resources.secrets, labelled, { signal }))
  }
}
