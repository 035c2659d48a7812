import { isLater, type KubeObject, keyOf } from '../client/object.ts'
import type { Store } from './store.ts'

export interface StoreEvent<T> {
  readonly type: 'added' | 'updated' | 'deleted'
  readonly object: T
  /** The state before; with `updated` only. */
  readonly previous?: T
  /** Whether it comes from a list rather than from a change seen live. */
  readonly initial: boolean
  /** The store had this very version already, from the answer to a write of our own: whoever wrote knows it. */
  readonly own?: true
}

/** Stores an object that a watch told of, and says what that means. */
export function upsert<T extends KubeObject>(store: Store<T>, object: T): StoreEvent<T>[] {
  const previous = store.get(object.metadata)
  // A write of our own went ahead of the watch, which is on its way to it.
  if (previous !== undefined && sameUid(previous, object) && isLater(versionOf(previous), versionOf(object))) return []
  store.set(object)
  const own = previous !== undefined && sameUid(previous, object) && versionOf(previous) === versionOf(object)
  return changed(previous, object, false).map((event) => (own ? { ...event, own } : event))
}

/** Drops an object that a watch reported deleted. */
export function remove<T extends KubeObject>(store: Store<T>, object: T): StoreEvent<T>[] {
  const known = store.get(object.metadata)
  if (known === undefined) return []
  // Its successor of the same name is here already: a write of our own went ahead of the watch.
  if (!sameUid(known, object)) return [{ type: 'deleted', object, initial: false }]
  store.delete(object.metadata)
  return [{ type: 'deleted', object: known, initial: false }]
}

/** Makes a namespace of the store (`''`: all of it) equal to a list; what is missing from it was deleted unseen. */
export function replaceAll<T extends KubeObject>(
  store: Store<T>,
  namespace: string,
  objects: Iterable<T>,
): StoreEvent<T>[] {
  const events: StoreEvent<T>[] = []
  const present = new Set<string>()
  for (const object of objects) {
    present.add(keyOf(object.metadata))
    const previous = store.get(object.metadata)
    if (previous !== undefined && sameUid(previous, object) && versionOf(previous) === versionOf(object)) continue
    store.set(object)
    events.push(...changed(previous, object, true))
  }
  for (const object of store.list()) {
    if (namespace !== '' && object.metadata.namespace !== namespace) continue
    if (present.has(keyOf(object.metadata))) continue
    store.delete(object.metadata)
    events.push({ type: 'deleted', object, initial: true })
  }
  return events
}

/** An object of another uid is another object: its predecessor was deleted, seen or not. */
function changed<T extends KubeObject>(previous: T | undefined, object: T, initial: boolean): StoreEvent<T>[] {
  if (previous === undefined) return [{ type: 'added', object, initial }]
  if (sameUid(previous, object)) return [{ type: 'updated', object, previous, initial }]
  return [
    { type: 'deleted', object: previous, initial },
    { type: 'added', object, initial },
  ]
}

function sameUid(a: KubeObject, b: KubeObject): boolean {
  return a.metadata.uid === b.metadata.uid
}

function versionOf(object: KubeObject): string | undefined {
  return object.metadata.resourceVersion
}
