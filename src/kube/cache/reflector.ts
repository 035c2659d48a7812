import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { askedToWait, KubeError } from '../client/api-errors.ts'
import { Backoff, type BackoffOptions, defaultBackoff } from './backoff.ts'
import type { KubeClient, Query } from '../client/client.ts'
import { pause, reasonOf } from '../../time/deadline.ts'
import { listAll } from '../client/list-all.ts'
import type { KubeObject } from '../client/object.ts'
import type { Resource } from '../client/resource.ts'
import { type Indexer, Store } from './store.ts'
import { remove, replaceAll, type StoreEvent, upsert } from './store-changes.ts'
import { followWatch, type WatchTimings } from './watch-stream.ts'

interface ReflectorTimings extends WatchTimings {
  /**
   * Shortest and longest time after which the API server is asked to end a watch, in seconds. A watch that does not end
   * is dead. Nothing else distinguishes a quiet watch from one whose server or proxy hangs, because bookmarks come only
   * about once a minute. The next watch continues where the last one ended, without a list.
   */
  readonly watchSeconds: readonly [number, number]
  /**
   * After this long without an event or bookmark, over any number of watches, the newest state is listed, in
   * milliseconds: the API server's history may be another than that of the current position.
   */
  readonly silentMs: number
  /** Shortest time between two lists of the same namespace, in milliseconds. */
  readonly listGapMs: number
  readonly backoff: BackoffOptions
}

const defaultTimings: ReflectorTimings = {
  // With the client's grace of 15 s, a dead watch is replaced within a minute.
  watchSeconds: [30, 40],
  silentMs: 300_000,
  listGapMs: 1_000,
  quickMs: 1_000,
  backoff: defaultBackoff,
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient
  readonly resource: Resource
  readonly namespace?: string | undefined
  /** One list and watch per namespace. All namespaces if both this (absent or empty) and `namespace` are missing. */
  readonly namespaces?: readonly string[] | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Request and store `metadata` only (PartialObjectMetadata). */
  readonly metadataOnly?: boolean | undefined
  /** Reduces an object to what is worth storing. `managedFields` are removed before. */
  readonly transform?: ((object: T) => T) | undefined
  readonly indexers?: Readonly<Record<string, Indexer<T>>> | undefined
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly timings?: Partial<ReflectorTimings> | undefined
  readonly random?: (() => number) | undefined
}

interface ReflectorStats {
  /** When the API server last opened a watch or sent an event or bookmark, in milliseconds of the monotonic clock. */
  readonly lastEventAt: number | undefined
  /**
   * When the API server last confirmed the state of the store by a list, an event or a bookmark (not by opening a
   * watch), in milliseconds of the monotonic clock; with several namespaces the earliest such time. Undefined until
   * `hasSynced`. The store may lack changes made after this time. Advances after the handlers have returned.
   */
  readonly confirmedAt: number | undefined
  /** Lists after the first one of each namespace. */
  readonly relists: number
  /** Watches after the first one of each namespace. */
  readonly reconnects: number
  /** Failed lists and watches. */
  readonly failures: number
  /** Errors thrown by handlers, indexers and the transform. */
  readonly handlerErrors: number
}

/** The state of one namespace's list and watch (`''`: all namespaces). */
interface Scope {
  readonly namespace: string
  /** The resource version to watch from; undefined: list first. */
  position: string | undefined
  /** The latest observed resource version, which the next list must not predate; `''`: list the newest state. */
  known: string | undefined
  /** When the last list succeeded or failed, in milliseconds of the monotonic clock. */
  listedAt: number
  /** When a list, event or bookmark last came, in milliseconds of the monotonic clock. */
  confirmedAt: number
  synced: boolean
  watched: boolean
  /** Whether the next list is a plain one, because the last one was streaming and failed. */
  plainList: boolean
}

/**
 * Keeps a Store equal to the API server's state by a list and an endless sequence of watches. Handlers are called after
 * the store has the change, and should only enqueue keys. The next list finds changes missed while disconnected.
 */
export class Reflector<T extends KubeObject> {
  readonly resource: Resource
  readonly store: Store<T>
  readonly #options: ReflectorOptions<T>
  readonly #timings: ReflectorTimings
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #query: Omit<Query, 'namespace'>
  readonly #scopes: readonly Scope[]
  readonly #handlers: ((event: StoreEvent<T>) => void)[] = []
  readonly #whenSynced = Promise.withResolvers<undefined>()
  readonly #stats = { relists: 0, reconnects: 0, failures: 0, handlerErrors: 0 }
  #lastEventAt: number | undefined
  #streamingLists = true
  #running = false

  constructor(options: ReflectorOptions<T>) {
    const { resource, namespace, namespaces = [], labelSelector, fieldSelector, metadataOnly } = options
    this.resource = resource
    this.#options = options
    this.#timings = { ...defaultTimings, ...options.timings }
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ resource: resource.plural })
    this.#random = options.random ?? Math.random
    this.#query = { labelSelector, fieldSelector, metadataOnly }
    this.store = new Store<T>(options.indexers, (object) => this.#prepare(object))
    const wanted = new Set(namespace === undefined ? namespaces : [namespace])
    this.#scopes = [...(wanted.size === 0 ? [''] : wanted)].map((name) => ({
      namespace: name,
      position: undefined,
      known: undefined,
      listedAt: Number.NEGATIVE_INFINITY,
      confirmedAt: 0,
      synced: false,
      watched: false,
      plainList: false,
    }))
  }

  /** Whether the first list is in the store and its events have been delivered. */
  get hasSynced(): boolean {
    return this.#scopes.every(({ synced }) => synced)
  }

  get stats(): ReflectorStats {
    const confirmedAt = this.hasSynced ? Math.min(...this.#scopes.map((scope) => scope.confirmedAt)) : undefined
    return { ...this.#stats, lastEventAt: this.#lastEventAt, confirmedAt }
  }

  /** Adds a handler for later changes. Handlers are called one after another, in the order of the changes. */
  onEvent(handler: (event: StoreEvent<T>) => void): void {
    this.#handlers.push(handler)
  }

  /** Resolves once `hasSynced`. Rejects with the signal's reason if the signal is aborted first. */
  async synced(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) {
      await this.#whenSynced.promise
      return
    }
    signal.throwIfAborted()
    const aborted = Promise.withResolvers<never>()
    const onAbort = () => aborted.reject(reasonOf(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    await Promise.race([this.#whenSynced.promise, aborted.promise]).finally(() =>
      signal.removeEventListener('abort', onAbort),
    )
  }

  /** Lists and watches until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) throw new TypeError(`the reflector of ${this.resource.plural} is running already`)
    this.#running = true
    await Promise.all(this.#scopes.map((scope) => this.#follow(scope, signal)))
    this.#running = false
  }

  async #follow(scope: Scope, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#timings.backoff, this.#random)
    while (!signal.aborted) {
      try {
        await this.#listAndWatch(scope, signal)
      } catch (error) {
        if (isAborted(signal)) return
        if (this.#isStreamingRefused(scope, error)) continue
        this.#failed(scope, error)
        const wait = Math.max(backoff.next(this.#clock.monotonic()), askedToWait(error))
        await pause(wait, signal).catch(() => undefined)
      }
    }
  }

  async #listAndWatch(scope: Scope, signal: AbortSignal): Promise<void> {
    if (scope.position === undefined) {
      const gap = scope.listedAt + this.#timings.listGapMs - this.#clock.monotonic()
      if (gap > 0) await pause(gap, signal)
    }
    if (scope.position === undefined && (scope.plainList || !this.#streamingLists)) {
      const query = { ...this.#query, ...within(scope), signal }
      const { items, resourceVersion } = await listAll<T>(this.#options.client, this.resource, query, scope.known)
      if (signal.aborted) return
      this.#listed(
        scope,
        items.flatMap((item) => this.#tryPrepare(item) ?? []),
        resourceVersion,
      )
    }
    if (scope.watched) this.#stats.reconnects++
    scope.watched = true
    await this.#watch(scope, signal)
  }

  async #watch(scope: Scope, signal: AbortSignal): Promise<void> {
    const [shortest, longest] = this.#timings.watchSeconds
    const { position } = scope
    await followWatch<T>({
      client: this.#options.client,
      resource: this.resource,
      query: {
        ...this.#query,
        ...within(scope),
        timeoutSeconds: Math.round(shortest + this.#random() * (longest - shortest)),
        // '' requests the newest state, so that no list goes back in time.
        resourceVersion: position ?? '',
        ...(position === undefined ? { sendInitialEvents: true } : {}),
      },
      timings: this.#timings,
      clock: this.#clock,
      signal,
      sink: {
        alive: () => {
          this.#lastEventAt = this.#clock.monotonic()
        },
        prepare: (object) => this.#tryPrepare(object),
        listed: (objects, resourceVersion) => this.#listed(scope, objects, resourceVersion),
        changed: (object) => this.#guarded(() => this.#deliver(upsert(this.store, this.#prepare(object)))),
        deleted: (object) => this.#guarded(() => this.#deliver(remove(this.store, this.#prepare(object)))),
        advanced: (resourceVersion) => this.#advance(scope, resourceVersion),
      },
    })
    if (this.#clock.monotonic() - scope.confirmedAt >= this.#timings.silentMs) this.#relist(scope, '')
  }

  #listed(scope: Scope, objects: readonly T[], resourceVersion: string): void {
    if (scope.synced) this.#stats.relists++
    scope.listedAt = this.#clock.monotonic()
    this.#guarded(() => this.#deliver(replaceAll(this.store, scope.namespace, objects)))
    this.#advance(scope, resourceVersion)
    if (scope.synced) return
    scope.synced = true
    if (this.hasSynced) this.#whenSynced.resolve(undefined)
  }

  #advance(scope: Scope, resourceVersion: string): void {
    scope.position = resourceVersion
    scope.known = resourceVersion
    scope.confirmedAt = this.#clock.monotonic()
    this.store.advance(scope.namespace, resourceVersion)
  }

  #relist(scope: Scope, known: string | undefined): void {
    scope.position = undefined
    scope.known = known
  }

  /** Whether the API server lacks streaming lists (feature WatchList). That is not a failure; plain lists follow. */
  #isStreamingRefused(scope: Scope, error: unknown): boolean {
    if (!this.#streamingLists || scope.position !== undefined || scope.plainList) return false
    if (!(error instanceof KubeError && (error.status === 400 || error.isInvalid))) return false
    this.#streamingLists = false
    return true
  }

  #failed(scope: Scope, error: unknown): void {
    this.#stats.failures++
    if (scope.position === undefined) scope.listedAt = this.#clock.monotonic()
    // The other kind of list may succeed: a streaming list needs a working watch, a plain one a complete response.
    scope.plainList = scope.position === undefined && !scope.plainList
    if (error instanceof KubeError) {
      if (error.isGone) this.#relist(scope, scope.known)
      if (error.isTooLargeResourceVersion) this.#relist(scope, '')
    }
    const reason = messageOf(error)
    this.#logger.warn('watch interrupted, trying again', { namespace: scope.namespace, reason })
  }

  #deliver(events: readonly StoreEvent<T>[]): void {
    for (const event of events) {
      for (const handler of this.#handlers) this.#guarded(() => handler(event))
    }
  }

  /** Logs what `work` throws, so that a failing handler affects neither the others nor the watch. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#stats.handlerErrors++
      this.#logger.error('cannot handle a change', { error })
    }
  }

  #tryPrepare(object: T): T | undefined {
    let prepared: T | undefined
    this.#guarded(() => {
      prepared = this.#prepare(object)
    })
    return prepared
  }

  #prepare(object: T): T {
    const { managedFields, ...metadata } = object.metadata
    const lean = managedFields === undefined ? object : { ...object, metadata }
    return this.#options.transform?.(lean) ?? lean
  }
}

function within({ namespace }: Scope): { namespace?: string } {
  return namespace === '' ? {} : { namespace }
}

/** Hides from the type checker that `aborted` was false before the await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
