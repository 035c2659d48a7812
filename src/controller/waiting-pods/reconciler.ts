import { isConditionTrue, findCondition, ConditionType } from '../../api/v1alpha1/conditions.ts'
import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import { type Clock, parseTime } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { identityKey } from '../../identity/service-identity.ts'
import type { EventSink } from '../../kube/events/event-recorder.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import type { Store } from '../../kube/cache/store.ts'
import { Reason } from '../../policy/reasons.ts'
import { identityOfPod } from '../nudge/injected-pods.ts'
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'

interface WaitingPodsOptions {
  readonly pods: Store<KubeObject>
  readonly identities: Store<ServiceIdentity>
  readonly events: EventSink
  readonly clock: Clock
}

/** In milliseconds. A pod and its identity are often applied together: a pod gets an Event only if it waits longer. */
const patience = 3 * SECOND
/** In milliseconds. An older pod has started, or has Events already. */
const attention = 10 * MINUTE

/** Explains by an Event of the pod why a pod without its Secret cannot start yet. */
export class WaitingPodsReconciler implements Reconciler {
  readonly #options: WaitingPodsOptions

  constructor(options: WaitingPodsOptions) {
    this.#options = options
  }

  reconcile(key: string): Promise<ReconcileResult | undefined> {
    const pod = this.#options.pods.getByKey(key)
    return Promise.resolve(pod === undefined ? undefined : this.#check(pod))
  }

  #check(pod: KubeObject): ReconcileResult | undefined {
    const { identities, events, clock } = this.#options
    const name = identityOfPod(pod)
    const created = parseTime(pod.metadata.creationTimestamp)
    if (name === undefined || created === undefined || pod.metadata.deletionTimestamp !== undefined) return undefined
    const age = clock.now() - created
    if (age > attention) return undefined
    const identity = identities.get(name)
    if (isConditionTrue(identity?.status?.conditions, ConditionType.Ready)) return undefined
    if (age < patience) return { requeueAfterMs: patience - age }
    const key = identityKey(name)
    const why = findCondition(identity?.status?.conditions, ConditionType.Ready)
    events.record({
      regarding: { ...pod, apiVersion: 'v1', kind: 'Pod' },
      type: 'Warning',
      action: 'MountIdentity',
      ...(identity === undefined
        ? {
            reason: Reason.IdentityMissing,
            note: `waiting for ServiceIdentity ${key}: none exists; apply one with the name of the pod's service account`,
          }
        : {
            reason: Reason.IdentityNotReady,
            note: `waiting for ServiceIdentity ${key}: ${why?.message ?? 'it has not been reconciled yet'}`,
          }),
    })
    return { requeueAfterMs: MINUTE }
  }
}
