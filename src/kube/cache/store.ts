import { isLater, type KubeObject, keyOf, type ObjectRef } from '../client/object.ts'

/** The values by which an index finds an object. */
export type Indexer<T> = (object: T) => readonly string[]

/** The last observed state of every object of a resource, by key and by index. Stored objects are never mutated. */
export class Store<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexers: ReadonlyMap<string, Indexer<T>>
  /** index name → value → keys */
  readonly #indexes: ReadonlyMap<string, Map<string, Set<string>>>

  readonly #prepare: (object: T) => T
  /** Namespace, or `''` for all → resource version up to which the watch has delivered every change. */
  readonly #progress = new Map<string, string>()

  /** `prepare` reduces the objects given to `insertIfNewer`; objects from the reflector are reduced already. */
  constructor(indexers: Readonly<Record<string, Indexer<T>>> = {}, prepare: (object: T) => T = (object) => object) {
    this.#prepare = prepare
    this.#indexers = new Map(Object.entries(indexers))
    this.#indexes = new Map(Object.keys(indexers).map((name) => [name, new Map<string, Set<string>>()]))
  }

  get size(): number {
    return this.#objects.size
  }

  get(ref: ObjectRef): T | undefined {
    return this.#objects.get(keyOf(ref))
  }

  getByKey(key: string): T | undefined {
    return this.#objects.get(key)
  }

  list(): T[] {
    return [...this.#objects.values()]
  }

  /** Iterates without a copy. The store must not change during the iteration. */
  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  /** The objects for which the indexer returned this value. Throws a TypeError if no such index exists. */
  byIndex(index: string, value: string): T[] {
    const keys = this.#index(index).get(value)
    if (keys === undefined) return []
    return [...keys].flatMap((key) => this.#objects.get(key) ?? [])
  }

  set(object: T): void {
    const key = keyOf(object.metadata)
    const previous = this.#objects.get(key)
    // Indexers run first: if one throws, the store stays unchanged.
    const changes = [...this.#indexers].map(([name, indexer]) => ({
      index: this.#index(name),
      before: previous === undefined ? [] : indexer(previous),
      after: indexer(object),
    }))
    this.#objects.set(key, object)
    for (const { index, before, after } of changes) {
      for (const value of before) drop(index, value, key)
      for (const value of after) {
        const keys = index.get(value)
        if (keys === undefined) index.set(value, new Set([key]))
        else keys.add(key)
      }
    }
  }

  delete(ref: ObjectRef): T | undefined {
    const key = keyOf(ref)
    const previous = this.#objects.get(key)
    if (previous === undefined) return undefined
    this.#objects.delete(key)
    for (const [name, indexer] of this.#indexers) {
      for (const value of indexer(previous)) drop(this.#index(name), value, key)
    }
    return previous
  }

  /** The resource version up to which the watch of a namespace (`''`: of all) has delivered every change. */
  progress(namespace: string): string | undefined {
    return this.#progress.get(namespace)
  }

  advance(namespace: string, resourceVersion: string): void {
    this.#progress.set(namespace, resourceVersion)
  }

  /**
   * Stores the response to a write or a read by this process, so that the next read of the store sees it before the
   * watch brings it. Returns whether the object was stored.
   *
   * | the store has | the object is stored if |
   * |---|---|
   * | an object of the same name and uid | the given version is later |
   * | no such object | the first list is complete and the watch has yet to reach the given version |
   *
   * An object that is missing though the watch has passed its version was deleted. Handlers are called when the watch
   * brings the change.
   */
  insertIfNewer(object: T): boolean {
    const { metadata } = object
    const known = this.get(metadata)
    const seen = this.#progress.get('') ?? this.#progress.get(metadata.namespace ?? '')
    const newer =
      known !== undefined && known.metadata.uid === metadata.uid
        ? isLater(metadata.resourceVersion, known.metadata.resourceVersion)
        : seen !== undefined && isLater(metadata.resourceVersion, seen)
    if (newer) this.set(this.#prepare(object))
    return newer
  }

  #index(name: string): Map<string, Set<string>> {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new TypeError(`no index named ${name}`)
    return index
  }
}

function drop(index: Map<string, Set<string>>, value: string, key: string): void {
  const keys = index.get(value)
  keys?.delete(key)
  if (keys?.size === 0) index.delete(value)
}
