import { beforeEach, describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { WaitingPodsReconciler } from '../../../src/controller/waiting-pods/reconciler.ts'
import { MINUTE, SECOND } from '../../../src/time/duration.ts'
import type { EventDetails } from '../../../src/kube/events/event-series.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

let clock: HeldClock
let pods: Store<KubeObject>
let identities: Store<ServiceIdentity>
let events: EventDetails[]
const key = 'shop/orders-1'

const judge = () =>
  new WaitingPodsReconciler({
    pods,
    identities,
    events: { record: (event) => void events.push(event) },
    clock,
  }).reconcile(key)
const identity = (status: 'True' | 'False'): ServiceIdentity => ({
  apiVersion: 'signet.dev/v1alpha1',
  kind: 'ServiceIdentity',
  metadata: { name: 'orders', namespace: 'shop' },
  spec: {},
  status: {
    conditions: [{ type: 'Ready', status, reason: 'Conflict', message: 'Secret is taken', lastTransitionTime: '' }],
  },
})

beforeEach(() => {
  clock = new HeldClock()
  pods = new Store()
  identities = new Store()
  events = []
  pods.set({
    metadata: {
      name: 'orders-1',
      namespace: 'shop',
      uid: 'u',
      creationTimestamp: formatTime(clock.now()),
      annotations: { 'signet.dev/injected': 'orders' },
    },
  })
})

describe('a pod that waits for its identity', () => {
  it('gets an Event about what it waits for after three seconds, not before', async () => {
    expect(await judge()).toEqual({ requeueAfterMs: 3 * SECOND })
    expect(events).toEqual([])
    clock.advance(3 * SECOND)
    expect(await judge()).toEqual({ requeueAfterMs: MINUTE })
    expect(events).toMatchObject([
      {
        type: 'Warning',
        reason: 'IdentityMissing',
        regarding: { kind: 'Pod', metadata: { name: 'orders-1' } },
        note: "waiting for ServiceIdentity shop/orders: none exists; apply one with the name of the pod's service account",
      },
    ])
  })

  it('gets an Event about why an existing identity is not ready', async () => {
    identities.set(identity('False'))
    clock.advance(3 * SECOND)
    await judge()
    expect(events).toMatchObject([
      { reason: 'IdentityNotReady', note: 'waiting for ServiceIdentity shop/orders: Secret is taken' },
    ])
  })

  it('is left alone once its identity is ready, when it is old, and when it is gone', async () => {
    clock.advance(3 * SECOND)
    identities.set(identity('True'))
    expect(await judge()).toBeUndefined()
    identities.delete({ namespace: 'shop', name: 'orders' })
    clock.advance(11 * MINUTE)
    expect(await judge()).toBeUndefined()
    pods.delete({ namespace: 'shop', name: 'orders-1' })
    expect(await judge()).toBeUndefined()
    expect(events).toEqual([])
  })
})
