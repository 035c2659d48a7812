import type { KubeObject } from '../../src/kube/client/object.ts'
import { remove, replaceAll, type StoreEvent, upsert } from '../../src/kube/cache/store-changes.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { type Selection, selects, type Storage } from '../fakes/api-server-storage.ts'

/** The store of one watch that observes changes on demand: late, without skipping any, or by a new list. */
export class WatchCache<T extends KubeObject> {
  readonly store = new Store<T>()
  readonly #storage: Storage
  readonly #collection: string
  readonly #selection: Selection
  readonly #handlers: ((event: StoreEvent<T>) => void)[] = []
  #heard = 0

  constructor(storage: Storage, collection: string, selection: Selection = {}) {
    this.#storage = storage
    this.#collection = collection
    this.#selection = selection
    this.list()
  }

  onEvent(handler: (event: StoreEvent<T>) => void): void {
    this.#handlers.push(handler)
  }

  /** The position in the history of the first change of this collection that has not been heard of. */
  get missing(): number | undefined {
    const { history } = this.#storage
    for (let index = this.#heard; index < history.length; index += 1) {
      if (history[index]?.collection === this.#collection) return index
      this.#heard = index + 1
    }
    return undefined
  }

  /** Hears of everything that has happened, or of the next `most` changes. */
  hear(most = Number.POSITIVE_INFINITY): void {
    let left = most
    for (const change of this.#storage.history.slice(this.#heard)) {
      if (change.collection === this.#collection) {
        if (left === 0) return
        left -= 1
        const is = change.type !== 'DELETED' && selects(this.#selection, change.object)
        const was = change.previous !== undefined && selects(this.#selection, change.previous)
        // The API server made these objects from what was written as T.
        if (is) this.#tell(upsert(this.store, change.object as T))
        else if (was) this.#tell(remove(this.store, change.object as T))
      }
      this.#heard += 1
      this.store.advance('', String(change.version))
    }
  }

  /** A watch that was lost is followed by a list: what was deleted meanwhile is found missing. */
  list(): void {
    this.#tell(replaceAll(this.store, '', this.#storage.list(this.#collection, this.#selection) as T[]))
    this.#heard = this.#storage.history.length
    this.store.advance('', String(this.#storage.version))
  }

  #tell(events: readonly StoreEvent<T>[]): void {
    for (const event of events) for (const handler of this.#handlers) handler(event)
  }
}
