import { isLater, type KubeObject, keyOf } from '../client/object.ts'
import type { Store } from './store.ts'

/** A change of a store. */
export interface StoreEvent<T> {
  readonly type: 'added' | 'updated' | 'deleted'
  readonly object: T
  /** The state before an update. */
  readonly previous?: T
  /** Whether a list brought the change, rather than the watch. */
  readonly initial: boolean
  /** The store already had this version, from the response to a write by this process. */
  readonly own?: true
}

/** Stores an object of a watch event. Returns the changes to report. */
export function upsert<T extends KubeObject>(store: Store<T>, object: T): StoreEvent<T>[] {
  const previous = store.get(object.metadata)
  // The store has a later version from a write by this process; the watch has yet to bring that version.
  if (previous !== undefined && sameUid(previous, object) && isLater(versionOf(previous), versionOf(object))) return []
  store.set(object)
  const own = previous !== undefined && sameUid(previous, object) && versionOf(previous) === versionOf(object)
  return changed(previous, object, false).map((event) => (own ? { ...event, own } : event))
}

/** Removes an object that the watch reports as deleted. Returns the changes to report. */
export function remove<T extends KubeObject>(store: Store<T>, object: T): StoreEvent<T>[] {
  const known = store.get(object.metadata)
  if (known === undefined) return []
  // The store has the successor of the same name, from a write by this process.
  if (!sameUid(known, object)) return [{ type: 'deleted', object, initial: false }]
  store.delete(object.metadata)
  return [{ type: 'deleted', object: known, initial: false }]
}

/**
 * Makes a namespace of the store (`''`: all namespaces) equal to a list. Objects missing from the list were deleted
 * while nothing watched.
 */
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

/** An object with another uid is another object: its predecessor was deleted, even if no event reported that. */
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
