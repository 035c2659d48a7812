import type { Clock } from '../../time/clock.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { apiVersionOf, type Resource, resources } from '../../kube/client/resource.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Store } from '../../kube/cache/store.ts'
import { defaultLimits, restorationPause } from '../repair-backoff.ts'

/** Name of both webhook configurations. */
export const webhookConfigurationName = 'signet'

/** A webhook configuration as JSON; only what is read. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig?: { caBundle?: string } }[]
}

/**
 * Writes the trust bundle into the webhook configurations and restores it when something wipes it; waits longer and
 * longer where it is wiped again and again.
 */
export class CaBundles {
  private readonly client: KubeClient
  private readonly stores: readonly { resource: Resource; store: Store<WebhookConfiguration> }[]
  private readonly fieldManager: string
  private readonly clock: Clock
  private restored: number[] = []

  constructor(options: {
    client: KubeClient
    mutating: Store<WebhookConfiguration>
    validating: Store<WebhookConfiguration>
    fieldManager: string
    clock: Clock
  }) {
    this.client = options.client
    this.stores = [
      { resource: resources.mutatingWebhookConfigurations, store: options.mutating },
      { resource: resources.validatingWebhookConfigurations, store: options.validating },
    ]
    this.fieldManager = options.fieldManager
    this.clock = options.clock
  }

  /** Returns how many were written, and how long to wait where something fights (milliseconds). */
  async reconcile(bundle: string, signal: AbortSignal): Promise<{ written: number; waitMs?: number }> {
    const caBundle = Buffer.from(bundle).toString('base64')
    const stale = this.stores.flatMap(({ resource, store }) => {
      const configuration = store.get({ name: webhookConfigurationName })
      const differs = configuration?.webhooks?.some(({ clientConfig }) => clientConfig?.caBundle !== caBundle) ?? false
      return configuration !== undefined && differs ? [{ resource, store, configuration }] : []
    })
    if (stale.length === 0) return { written: 0 }
    const waitMs = this.fightingFor()
    if (waitMs > 0) return { written: 0, waitMs }
    for (const { resource, store, configuration } of stale) {
      const webhooks = configuration.webhooks?.map(({ name }) => ({ name, clientConfig: { caBundle } })) ?? []
      const applied = await this.client.apply<WebhookConfiguration>(
        resource,
        {
          apiVersion: apiVersionOf(resource),
          kind: resource.kind,
          metadata: { name: webhookConfigurationName },
          webhooks,
        },
        { fieldManager: this.fieldManager, force: true, signal },
      )
      store.insertIfNewer(applied)
    }
    this.restored.push(this.clock.monotonic())
    return { written: stale.length }
  }

  /** Whether the API server may trust every webhook that there is: each has some bundle, if not the newest. */
  allTrusted(): boolean {
    return this.stores.every(({ store }) => {
      const { webhooks = [] } = store.get({ name: webhookConfigurationName }) ?? {}
      return webhooks.every(({ clientConfig }) => Boolean(clientConfig?.caBundle))
    })
  }

  private fightingFor(): number {
    const now = this.clock.monotonic()
    this.restored = this.restored.filter((time) => now - time < defaultLimits.windowMs)
    return restorationPause(this.restored, now)
  }
}
