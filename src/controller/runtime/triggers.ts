import type { StoreEvent } from '../../kube/cache/store-changes.ts'
import type { Priority, WorkQueue } from './workqueue.ts'

/**
 * A watch that wakes a controller. Each controller exports `triggers(sources, queue)`, which registers handlers that
 * turn changes of watched objects into keys of its queue.
 */
export interface Trigger<T> {
  onEvent(handler: (event: StoreEvent<T>) => void): void
}

/** The end of a queue where triggers add keys. */
export type KeySink = Pick<WorkQueue, 'add'>

/** Objects from a list wait behind changes from the watch: after a start, most listed objects need no work. */
export function priorityOf({ initial }: Pick<StoreEvent<unknown>, 'initial'>): { readonly priority: Priority } {
  return { priority: initial ? 'low' : 'high' }
}
