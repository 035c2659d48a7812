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
   * Shortest and longest time after which the server is asked to end a watch, in seconds. A watch whose end does not
   * come is dead: no other sign tells a quiet watch from one whose server or proxy hangs, as bookmarks come about once
   * a minute only. The next watch goes on from where the last one was; nothing is listed.
   */
  readonly watchSeconds: readonly [number, number]
  /**
   * A server that has told nothing for this long, bookmarks included, over however many watches, is asked for a list of
   * the newest, in milliseconds: its history may not be the one that our position is from.
   */
  readonly silentMs: number
  /** Shortest time between two lists of the same objects, in milliseconds. */
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
  /** One list and watch each; neither this (or none in it) nor `namespace` means all namespaces. */
  readonly namespaces?: readonly string[] | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Ask for and keep only `metadata` (PartialObjectMetadata). */
  readonly metadataOnly?: boolean | undefined
  /** Cuts an object down to what is worth keeping; `managedFields` are dropped already. */
  readonly transform?: ((object: T) => T) | undefined
  readonly indexers?: Readonly<Record<string, Indexer<T>>> | undefined
  readonly logger?: Logger | undefined
  readonly clock?: Clock | undefined
  readonly timings?: Partial<ReflectorTimings> | undefined
  readonly random?: (() => number) | undefined
}

interface ReflectorStats {
  /** When the API server was last heard of, bookmarks included; milliseconds of the monotonic clock. */
  readonly lastEventAt: number | undefined
  /**
   * When the server last told how things are (a list, an event, a bookmark; opening a watch does not), of the namespace
   * whose news are oldest; undefined until `hasSynced`. What has changed since may be missing here. Moves after the handlers
   * have heard what was told.
   */
  readonly toldAt: number | undefined
  /** Lists after the first one of each namespace. */
  readonly relists: number
  /** Watches after the first one of each namespace. */
  readonly reconnects: number
  /** Ends of a watch or list that were not as they should be. */
  readonly failures: number
  /** Throws of handlers, indexers and the transform. */
  readonly handlerErrors: number
}

/** What is known of one namespace (`''`: of all). */
interface Scope {
  readonly namespace: string
  /** Where to watch from; undefined: list first. */
  position: string | undefined
  /** The latest state ever seen, which a new list must not be older than; empty: ask for the newest. */
  known: string | undefined
  /** When the last list was done, well or badly (monotonic). */
  listedAt: number
  /** When the server last told something, be it a bookmark (monotonic). */
  toldAt: number
  synced: boolean
  watched: boolean
  /** The next list is a plain one, as the last one was streaming and failed. */
  plainList: boolean
}

/**
 * Keeps a Store equal to what the API server has: a list, then watches without end. Handlers hear of each change after
 * it is in the store; they should only enqueue keys. A change missed while disconnected is found by the next list.
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
      toldAt: 0,
      synced: false,
      watched: false,
      plainList: false,
    }))
  }

  /** Whether the first list is in the store and its events are delivered. */
  get hasSynced(): boolean {
    return this.#scopes.every(({ synced }) => synced)
  }

  get stats(): ReflectorStats {
    const toldAt = this.hasSynced ? Math.min(...this.#scopes.map((scope) => scope.toldAt)) : undefined
    return { ...this.#stats, lastEventAt: this.#lastEventAt, toldAt }
  }

  /** Handlers are called in turn, in the order of the changes, for what comes after they were added. */
  onEvent(handler: (event: StoreEvent<T>) => void): void {
    this.#handlers.push(handler)
  }

  /** Resolves at `hasSynced`; rejects with the signal's reason if that comes first. */
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

  /** Resolves only after an abort; never rejects, whatever the API server does. */
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
        // Empty asks for the newest state, so that no list takes us back in time.
        resourceVersion: position ?? '',
        ...(position === undefined ? { sendInitialEvents: true } : {}),
      },
      timings: this.#timings,
      clock: this.#clock,
      signal,
      sink: {
        heard: () => {
          this.#lastEventAt = this.#clock.monotonic()
        },
        prepare: (object) => this.#tryPrepare(object),
        listed: (objects, resourceVersion) => this.#listed(scope, objects, resourceVersion),
        changed: (object) => this.#guarded(() => this.#deliver(upsert(this.store, this.#prepare(object)))),
        deleted: (object) => this.#guarded(() => this.#deliver(remove(this.store, this.#prepare(object)))),
        advanced: (resourceVersion) => this.#advance(scope, resourceVersion),
      },
    })
    if (this.#clock.monotonic() - scope.toldAt >= this.#timings.silentMs) this.#relist(scope, '')
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
    scope.toldAt = this.#clock.monotonic()
    this.store.advance(scope.namespace, resourceVersion)
  }

  #relist(scope: Scope, known: string | undefined): void {
    scope.position = undefined
    scope.known = known
  }

  /** The server has no streaming lists (feature WatchList), which is no failure and not asked for again. */
  #isStreamingRefused(scope: Scope, error: unknown): boolean {
    if (!this.#streamingLists || scope.position !== undefined || scope.plainList) return false
    if (!(error instanceof KubeError && (error.status === 400 || error.isInvalid))) return false
    this.#streamingLists = false
    return true
  }

  #failed(scope: Scope, error: unknown): void {
    this.#stats.failures++
    if (scope.position === undefined) scope.listedAt = this.#clock.monotonic()
    // What does not come one way may come the other: a streaming list needs a watch, a plain one a whole answer.
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

  /** A handler that throws harms neither the others nor the stream. */
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

/** Read anew after an await, which the type checker does not expect. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
