import type { Clock } from '../../time/clock.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { apiVersionOf, type Resource, resources } from '../../kube/client/resource.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Store } from '../../kube/cache/store.ts'
import { defaultLimits, repairPause } from '../repair-backoff.ts'

/** Name of both webhook configurations. */
export const webhookConfigurationName = 'signet'

/** The members of a webhook configuration that the controller reads. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig?: { caBundle?: string } }[]
}

/**
 * Writes the trust bundle into the webhook configurations, and again after another client removes it, with growing
 * pauses while that goes on.
 */
export class CaBundles {
  readonly #client: KubeClient
  readonly #stores: readonly { resource: Resource; store: Store<WebhookConfiguration> }[]
  readonly #fieldManager: string
  readonly #clock: Clock
  #written: number[] = []

  constructor(options: {
    client: KubeClient
    mutating: Store<WebhookConfiguration>
    validating: Store<WebhookConfiguration>
    fieldManager: string
    clock: Clock
  }) {
    this.#client = options.client
    this.#stores = [
      { resource: resources.mutatingWebhookConfigurations, store: options.mutating },
      { resource: resources.validatingWebhookConfigurations, store: options.validating },
    ]
    this.#fieldManager = options.fieldManager
    this.#clock = options.clock
  }

  /** Returns how many configurations it wrote, and the milliseconds to wait if another client keeps changing them. */
  async reconcile(bundle: string, signal: AbortSignal): Promise<{ written: number; waitMs?: number }> {
    const caBundle = Buffer.from(bundle).toString('base64')
    const stale = this.#stores.flatMap(({ resource, store }) => {
      const configuration = store.get({ name: webhookConfigurationName })
      const differs = configuration?.webhooks?.some(({ clientConfig }) => clientConfig?.caBundle !== caBundle) ?? false
      return configuration !== undefined && differs ? [{ resource, store, configuration }] : []
    })
    if (stale.length === 0) return { written: 0 }
    const waitMs = this.#pauseMs()
    if (waitMs > 0) return { written: 0, waitMs }
    for (const { resource, store, configuration } of stale) {
      const webhooks = configuration.webhooks?.map(({ name }) => ({ name, clientConfig: { caBundle } })) ?? []
      const applied = await this.#client.apply<WebhookConfiguration>(
        resource,
        {
          apiVersion: apiVersionOf(resource),
          kind: resource.kind,
          metadata: { name: webhookConfigurationName },
          webhooks,
        },
        { fieldManager: this.#fieldManager, force: true, signal },
      )
      store.insertIfNewer(applied)
    }
    this.#written.push(this.#clock.monotonic())
    return { written: stale.length }
  }

  /** Whether every existing webhook has a caBundle, be it an outdated one, so that the API server can call it. */
  allTrusted(): boolean {
    return this.#stores.every(({ store }) => {
      const { webhooks = [] } = store.get({ name: webhookConfigurationName }) ?? {}
      return webhooks.every(({ clientConfig }) => Boolean(clientConfig?.caBundle))
    })
  }

  #pauseMs(): number {
    const now = this.#clock.monotonic()
    this.#written = this.#written.filter((time) => now - time < defaultLimits.windowMs)
    return repairPause(this.#written, now)
  }
}
