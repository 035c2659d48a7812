import type { Clock } from '../../time/clock.ts'
import { errorOfStatus, KubeError, type Status } from '../client/api-errors.ts'
import type { KubeClient, WatchEvent, WatchQuery } from '../client/client.ts'
import { type KubeObject, keyOf } from '../client/object.ts'
import type { Resource } from '../client/resource.ts'

export interface WatchTimings {
  /** A watch that ends sooner than this counts as failed even if it ended cleanly, in milliseconds. */
  readonly quickMs: number
}

/** Receives the events of a watch. No method may throw. */
interface WatchSink<T> {
  /** The API server opened the watch or sent an event. */
  alive(): void
  /** Reduces an object of a streaming list as it arrives, to save memory; undefined drops the object. */
  prepare(object: T): T | undefined
  /** The streaming list is complete. `objects` are prepared; those of later changes are not. */
  listed(objects: readonly T[], resourceVersion: string): void
  changed(object: T): void
  deleted(object: T): void
  /** Every change up to this resource version has been delivered. */
  advanced(resourceVersion: string): void
}

const initialEventsEnd = 'k8s.io/initial-events-end'

/**
 * Runs one watch. Resolves when the API server ends it in time. Rejects with a KubeError for an ERROR event, a broken
 * stream, or an end that is late, too soon or before the streaming list was complete.
 */
export async function followWatch<T extends KubeObject>(options: {
  readonly client: KubeClient
  readonly resource: Resource
  readonly query: WatchQuery
  readonly timings: WatchTimings
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly sink: WatchSink<T>
}): Promise<void> {
  const { client, resource, query, timings, clock, signal, sink } = options
  const about = { verb: 'watch', resource, ref: { namespace: query.namespace } } as const
  const broken = (detail: string) => new KubeError({ ...about, status: 0, reason: 'BrokenStream', detail })
  let pending = query.sendInitialEvents === true ? new Map<string, T>() : undefined
  let openedAt = clock.monotonic()

  const onBookmark = ({ metadata }: KubeObject) => {
    const version = metadata.resourceVersion
    if (version === undefined) return
    if (pending === undefined) {
      sink.advanced(version)
    } else if (metadata.annotations?.[initialEventsEnd] === 'true') {
      const objects = [...pending.values()]
      pending = undefined
      sink.listed(objects, version)
    }
  }
  const onObject = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => {
    if (pending !== undefined) {
      const prepared = type === 'DELETED' ? undefined : sink.prepare(object)
      if (prepared === undefined) pending.delete(keyOf(object.metadata))
      else pending.set(keyOf(object.metadata), prepared)
      return
    }
    if (type === 'DELETED') sink.deleted(object)
    else sink.changed(object)
    // After the store has the object, even if a handler threw: replaying the event would not help.
    if (object.metadata.resourceVersion !== undefined) sink.advanced(object.metadata.resourceVersion)
  }
  const onEvent = ({ type, object }: WatchEvent) => {
    sink.alive()
    if (type === 'ERROR') throw errorOfStatus(about, object as Status)
    if (type === 'BOOKMARK') onBookmark(object)
    else onObject(type, object as T)
  }

  signal.throwIfAborted()
  await client.watch(resource, query, onEvent, signal, () => {
    openedAt = clock.monotonic()
    sink.alive()
  })
  if (pending !== undefined) throw broken('ended before the list was complete')
  if (clock.monotonic() - openedAt < timings.quickMs) throw broken('ended as soon as it was opened')
}
