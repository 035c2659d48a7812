import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { isConditionTrue } from '../../src/api/v1alpha1/conditions.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type ConfigMap, publishedKeys } from '../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { type Secret, secretText, secretValue } from '../../src/kube/secrets/secret-codec.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../fakes/api-server-memory-client.ts'
import { HeldClock } from '../fakes/held-clock.ts'
import { namespace, settings, startIdentityController } from './identity-controller.ts'

export type Controller = Awaited<ReturnType<typeof startIdentityController>>
type Options = Omit<Parameters<typeof startIdentityController>[0], 'client' | 'clock'>

const ringRef = { namespace, name: 'signet-keys.shop.orders' }
const jwksRef = { namespace, name: 'signet-jwks.shop.orders' }

/** One identity, shop/orders, with controllers that come and go, and another client that changes its key ring. */
export class KeyRingStory {
  readonly client: MemoryKubeClient = createMemoryKubeClient()
  readonly clock = new HeldClock()
  readonly #running: Controller[] = []

  async start(options: Options = {}): Promise<Controller> {
    const controller = await startIdentityController({ client: this.client, clock: this.clock, ...options })
    this.#running.push(controller)
    return controller
  }

  async end(): Promise<void> {
    for (const controller of this.#running.splice(0)) await controller.stop()
  }

  /** Applies the identity and has the controller bring it to rest. */
  async settle(controller: Controller, annotations: Record<string, string> = {}): Promise<void> {
    await this.client.apply<ServiceIdentity & KubeObject>(
      resources.serviceIdentities,
      { metadata: { name: 'orders', namespace: 'shop', annotations }, spec: {} },
      { fieldManager: 'test', force: true },
    )
    await this.untilQuiet(controller)
  }

  async untilQuiet(controller: Controller): Promise<void> {
    for (let run = 0; run < 10; run += 1) {
      const before = this.client.writes.length
      await controller.reconcile('shop/orders')
      if (this.client.writes.length === before) return
    }
    throw new Error('the controller does not come to rest')
  }

  async deleteIdentity(): Promise<void> {
    await this.client.delete(resources.serviceIdentities, { namespace: 'shop', name: 'orders' })
    await this.client.delete(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
  }

  ringSecret(): Promise<Secret | undefined> {
    return this.client.get<Secret>(resources.secrets, ringRef)
  }

  async ringText(): Promise<string> {
    const secret = await this.ringSecret()
    return secret === undefined ? '' : (secretText(secret, 'ring.json') ?? '')
  }

  async deleteRing(): Promise<void> {
    await this.client.delete(resources.secrets, ringRef)
  }

  /** Puts a ring there with the rights of who may write Secrets: over the one that is there, or where none is. */
  async putRing(text: string, change: Partial<Secret> = {}): Promise<void> {
    const live = await this.ringSecret()
    const data = { 'ring.json': secretValue(text) }
    if (live !== undefined) await this.client.replace(resources.secrets, { ...live, ...change, data })
    else await this.client.create(resources.secrets, { ...this.#template(), ...change, data })
  }

  /** Puts a Secret there that was read before, as from a backup. */
  async restoreSecret({ metadata, ...rest }: Secret): Promise<void> {
    const { resourceVersion: _version, uid: _uid, ...kept } = metadata
    if ((await this.ringSecret()) !== undefined) await this.deleteRing()
    await this.client.create<Secret>(resources.secrets, { ...rest, metadata: kept })
  }

  jwksObject(): Promise<ConfigMap | undefined> {
    return this.client.get<ConfigMap>(resources.configMaps, jwksRef)
  }

  async publishedKeyIDs(): Promise<string[]> {
    const configMap = await this.jwksObject()
    return (configMap === undefined ? [] : (publishedKeys(configMap) ?? [])).map(({ kid }) => kid).sort()
  }

  async identity(): Promise<ServiceIdentity & KubeObject> {
    const found = await this.client.get<ServiceIdentity & KubeObject>(resources.serviceIdentities, {
      namespace: 'shop',
      name: 'orders',
    })
    if (found === undefined) throw new Error('no identity')
    return found
  }

  async uid(): Promise<string> {
    return (await this.identity()).metadata.uid ?? ''
  }

  async condition(type: 'Ready' | 'KeysReady') {
    return (await this.identity()).status?.conditions?.find((condition) => condition.type === type)
  }

  async isReady(): Promise<boolean> {
    return isConditionTrue((await this.identity()).status?.conditions, 'Ready')
  }

  async token(): Promise<string> {
    const secret = await this.client.get<Secret>(resources.secrets, { namespace: 'shop', name: 'signet.orders' })
    return secret === undefined ? '' : (secretText(secret, 'token') ?? '')
  }

  /** Throws unless the token verifies against what is published now. */
  async verify(token: string): Promise<void> {
    const configMap = await this.jwksObject()
    const keys = (configMap && publishedKeys(configMap)) ?? []
    const find = (kid: string) => keys.find((key) => key.kid === kid)
    verifyTokenSync(token, { keys: find, issuer: settings.issuer, audience: undefined, now: this.clock.now() })
  }

  #template(): Secret {
    return {
      metadata: {
        ...ringRef,
        labels: { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'key-ring' },
        annotations: { 'signet.dev/namespace': 'shop', 'signet.dev/name': 'orders' },
      },
      type: 'signet.dev/key-ring',
    }
  }
}
