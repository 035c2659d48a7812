import { components, selectorOf } from '../../../src/api/v1alpha1/metadata.ts'
import { operatorNamespace } from '../../chart/helm.ts'
import type { KeyRing, KeySlot } from '../../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import type { SigningKey } from '../../../src/keys/signing-key.ts'
import { loadConfig } from '../../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../../src/kube/client/http-client.ts'
import { annotatedIdentity } from '../../../src/kube/keys/owner-annotations.ts'
import { Reflector } from '../../../src/kube/cache/reflector.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { type Secret, secretText } from '../../../src/kube/secrets/secret-codec.ts'
import { workloadSecretName } from '../../../src/identity/workload.ts'
import { activeSlot } from '../../../src/rotation/slots.ts'

/** The keys that the controller signs with at this moment, read from the rings as they are stored. */
export class SigningKeys {
  /** How often each identity's key was followed by another. */
  readonly rotations = new Map<string, number>()
  private readonly namespace: string
  private readonly rings = new Map<string, KeyRing>()
  private readonly secrets: Reflector<Secret>
  private readonly client: HttpKubeClient
  private readonly handlers: ((identity: string, slot: KeySlot) => void)[] = []
  private readonly stopping = new AbortController()
  private running: Promise<unknown> = Promise.resolve()

  private constructor(client: HttpKubeClient, namespace: string) {
    this.client = client
    this.namespace = namespace
    const labelSelector = selectorOf(components.identity)
    this.secrets = new Reflector<Secret>({ client, resource: resources.secrets, namespace, labelSelector })
  }

  static async watch(kubeconfig: string, namespace: string): Promise<SigningKeys> {
    const client = new HttpKubeClient(await loadConfig({ kubeconfig }))
    const keys = new SigningKeys(client, namespace)
    const labelSelector = selectorOf(components.keyRing)
    const options = { client, resource: resources.secrets, namespace: operatorNamespace, labelSelector }
    const rings = new Reflector<Secret>(options)
    rings.onEvent(({ type, object }) => keys.see(object, type === 'deleted'))
    const signal = keys.stopping.signal
    keys.running = Promise.all([rings.run(signal), keys.secrets.run(signal)])
    await Promise.all([rings, keys.secrets].map((one) => one.synced(AbortSignal.timeout(30_000))))
    return keys
  }

  /** Tells of every key that follows another, as soon as it may sign. */
  onActivation(handler: (identity: string, slot: KeySlot) => void): void {
    this.handlers.push(handler)
  }

  /** The key that signs for an identity now. */
  active(identity: string): SigningKey | undefined {
    const ring = this.rings.get(identity)
    const slot = ring === undefined ? undefined : activeSlot(ring.slots)
    return slot === undefined ? undefined : signingKeyOf(slot)
  }

  isRetired(identity: string, keyID: string): boolean {
    return this.rings.get(identity)?.slots.some((slot) => slot.keyID === keyID && slot.state === 'Retired') === true
  }

  /** The token that the controller has minted for an identity. */
  mounted(identity: string): string | undefined {
    const secret = this.secrets.store.get({ namespace: this.namespace, name: workloadSecretName(identity) })
    return secret === undefined ? undefined : secretText(secret, 'token')
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await this.running
    await this.client.close()
  }

  private see(secret: Secret, deleted: boolean): void {
    const owner = annotatedIdentity(secret)
    const text = secretText(secret, 'ring.json')
    if (owner?.namespace !== this.namespace) return
    const { name } = owner
    const before = this.rings.get(name)
    if (deleted || text === undefined) {
      this.rings.delete(name)
      return
    }
    const ring = decodeKeyRing(text)
    this.rings.set(name, ring)
    const active = activeSlot(ring.slots)
    const previous = before === undefined ? undefined : activeSlot(before.slots)
    if (active === undefined || previous === undefined || active.keyID === previous.keyID) return
    this.rotations.set(name, (this.rotations.get(name) ?? 0) + 1)
    for (const handler of this.handlers) handler(name, active)
  }
}

export function signingKeyOf({ keyID, publicJwk, privateJwk }: KeySlot): SigningKey | undefined {
  return privateJwk === undefined ? undefined : { keyID, publicJwk, privateJwk }
}
