import { keyOf, type KubeObject } from '../../kube/client/object.ts'
import { identityOfPod } from '../nudge/injected-pods.ts'
import type { KeySink, Trigger } from '../runtime/triggers.ts'

/** An injected pod is checked when it is created, and at the start. */
export function triggers({ pods }: { readonly pods: Trigger<KubeObject> }, queue: KeySink): void {
  pods.onEvent(({ type, object }) => {
    if (type === 'added' && identityOfPod(object) !== undefined) queue.add(keyOf(object.metadata))
  })
}
