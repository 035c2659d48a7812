import { describe, expect, it } from 'vitest'
import type { ServiceIdentity, TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import { triggers as certificateAuthority } from '../../src/controller/certificate-authority/triggers.ts'
import { triggers as issuingKeys } from '../../src/controller/issuing-keys/triggers.ts'
import { revocationIndexers } from '../../src/controller/revocation/revoked.ts'
import { triggers as revocation } from '../../src/controller/revocation/triggers.ts'
import type { KeySink, Trigger } from '../../src/controller/runtime/triggers.ts'
import { triggers as serviceIdentity } from '../../src/controller/service-identity/triggers.ts'
import { triggers as waitingPods } from '../../src/controller/waiting-pods/triggers.ts'
import { theAuthority } from '../../src/identity/key-owner.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import type { StoreEvent } from '../../src/kube/cache/store-changes.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { ownerAnnotations } from '../../src/kube/keys/owner-annotations.ts'
import { tokenRevocation } from '../builders/token-revocation.ts'

/** A watch whose events the test sends. */
class SentEvents<T extends KubeObject> implements Trigger<T> {
  readonly store = new Store<T>()
  readonly #handlers: ((event: StoreEvent<T>) => void)[] = []

  onEvent(handler: (event: StoreEvent<T>) => void): void {
    this.#handlers.push(handler)
  }

  send(object: T, event: Partial<Omit<StoreEvent<T>, 'object'>> = {}): void {
    for (const handler of this.#handlers) handler({ type: 'updated', initial: false, ...event, object })
  }
}

function sink(): KeySink & { readonly added: string[] } {
  const added: string[] = []
  return { added, add: (key, options) => void added.push(`${options?.priority ?? 'high'} ${key}`) }
}

const orders = { namespace: 'shop', name: 'orders' }
const identity: ServiceIdentity & KubeObject = {
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: orders,
  spec: {},
}
const ring = (owner: Parameters<typeof ownerAnnotations>[0], name: string): KubeObject => ({
  metadata: { namespace: 'signet-system', name, annotations: ownerAnnotations(owner, 'uid') },
})
const ofOrders = ring(orders, 'signet-keys.shop.orders')
const ofAuthority = ring(theAuthority, 'signet-keys.authority')

describe('what wakes the controller', () => {
  it('of identities: their own changes first, and those of their revocations, Secrets and keys by others', () => {
    const sources = {
      identities: new SentEvents<ServiceIdentity & KubeObject>(),
      revocations: new SentEvents<TokenRevocation & KubeObject>(),
      workloadSecrets: new SentEvents(),
      keyRings: new SentEvents(),
      publicKeys: new SentEvents(),
    }
    const queue = sink()
    serviceIdentity(sources, queue)
    sources.identities.send(identity, { type: 'added', initial: true })
    sources.identities.send(identity, { own: true })
    sources.revocations.send(tokenRevocation({ tokenID: 't' }))
    const secret = { metadata: { namespace: 'shop', name: 'signet.orders' } }
    sources.workloadSecrets.send(secret, { initial: true })
    sources.workloadSecrets.send(secret)
    sources.keyRings.send(ofOrders)
    sources.publicKeys.send(ofOrders)
    expect(queue.added).toEqual([
      'low shop/orders',
      'high shop/orders',
      'high shop/orders',
      'low shop/orders',
      'high shop/orders',
      'high shop/orders',
      'high shop/orders',
    ])
    sources.workloadSecrets.send(secret, { own: true })
    sources.workloadSecrets.send({ metadata: { namespace: 'shop', name: 'other' } })
    for (const source of [sources.keyRings, sources.publicKeys]) {
      source.send(ofOrders, { own: true })
      source.send(ofAuthority)
    }
    expect(queue.added).toHaveLength(7)
    sources.workloadSecrets.send(secret, { type: 'deleted' })
    sources.keyRings.send(ofOrders, { type: 'deleted', initial: true })
    expect(queue.added.slice(7)).toEqual(['high shop/orders', 'low shop/orders'])
  })

  it('of issuing keys: the start, and changes of their ring and public keys by others', () => {
    const sources = { keyRings: new SentEvents(), publicKeys: new SentEvents() }
    const queue = sink()
    issuingKeys(sources, queue)
    sources.keyRings.send(ofAuthority)
    sources.publicKeys.send(ring(theAuthority, 'signet-jwks.authority'))
    expect(queue.added).toEqual(['high authority', 'high authority', 'high authority'])
    for (const source of [sources.keyRings, sources.publicKeys]) {
      source.send(ofAuthority, { own: true })
      source.send(ofOrders)
    }
    expect(queue.added).toHaveLength(3)
  })

  it('of revocations: their own changes, and those of the identity that they name', () => {
    const identities = new SentEvents<ServiceIdentity & KubeObject>()
    const revocations = new SentEvents<TokenRevocation & KubeObject>()
    const store = new Store<TokenRevocation & KubeObject>(revocationIndexers)
    const queue = sink()
    revocation({ identities, revocations: { store, onEvent: (handler) => revocations.onEvent(handler) } }, queue)
    const named = tokenRevocation({ tokenID: 't' })
    store.set(named)
    identities.send(identity)
    identities.send({ ...identity, metadata: { namespace: 'shop', name: 'payments' } })
    revocations.send(named)
    const key = `high ${named.metadata.namespace ?? ''}/${named.metadata.name}`
    expect(queue.added).toEqual([key, key])
  })

  it('of waiting pods: the creation of an injected pod', () => {
    const pods = new SentEvents()
    const queue = sink()
    waitingPods({ pods }, queue)
    const pod = (annotations = {}): KubeObject => ({ metadata: { namespace: 'shop', name: 'orders-1', annotations } })
    pods.send(pod({ 'signet.dev/injected': 'orders' }), { type: 'added' })
    pods.send(pod({ 'signet.dev/injected': 'orders' }))
    pods.send(pod(), { type: 'added' })
    expect(queue.added).toEqual(['high shop/orders-1'])
  })

  it('of the CA: the start, and any change of certificates and webhook configurations', () => {
    const sources = { certificates: new SentEvents(), mutating: new SentEvents(), validating: new SentEvents() }
    const queue = sink()
    certificateAuthority(sources, queue)
    for (const source of Object.values(sources)) source.send({ metadata: { name: 'signet' } })
    expect(queue.added).toEqual(Array.from({ length: 4 }, () => 'high certificate-authority'))
  })
})
