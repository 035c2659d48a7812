import { LRUCache } from 'lru-cache'
import type { KubeObject } from '../client/object.ts'

export interface EventDetails {
  /** The object the event is about, with `apiVersion` and `kind`. */
  readonly regarding: KubeObject
  readonly type: 'Normal' | 'Warning'
  /** Machine-readable, UpperCamelCase. */
  readonly reason: string
  /** What was done or failed, UpperCamelCase. */
  readonly action: string
  /** For people; at most 1 KiB is sent. */
  readonly note: string
}

/** An Event that is or will be at the API server, and how often the same has happened. */
export interface Series {
  readonly details: EventDetails
  /** Set once it has been created. */
  stored?: { readonly namespace: string; readonly name: string }
  /** Milliseconds since the epoch. */
  lastAt: number
  count: number
  /** What the API server knows of `count`. */
  sentCount: number
  /** Monotonic. */
  sentAt: number
}

/** The same thing said of the same object within this time is one series, in milliseconds. */
const windowMs = 600_000
const maxSeries = 4096

/** Finds what was said before. Bounded: the series silent for longest are forgotten first. */
export class SeriesMemory {
  readonly #series = new LRUCache<string, Series>({ max: maxSeries })

  /** Counts an event in: the series it belongs to, a new one with `count` 1 if need be. */
  note(details: EventDetails, now: number): Series {
    const key = keyOf(details)
    const known = this.#series.peek(key)
    const fresh = known === undefined || now - known.lastAt > windowMs
    const series = fresh
      ? { details: lean(details), lastAt: now, count: 0, sentCount: 0, sentAt: Number.NEGATIVE_INFINITY }
      : known
    series.count++
    series.lastAt = now
    this.#series.set(key, series)
    return series
  }

  /** Those of which the API server does not know the whole count. */
  unsent(): Series[] {
    return [...this.#series.rvalues()].flatMap((series) => (series && series.count > series.sentCount ? [series] : []))
  }
}

/** Remembers of the object only what names it. */
function lean(details: EventDetails): EventDetails {
  const { apiVersion, kind, metadata } = details.regarding
  const { namespace, name, uid, resourceVersion } = metadata
  const regarding = {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
  }
  return { ...details, regarding }
}

function keyOf({ regarding, type, reason, action }: EventDetails): string {
  const { namespace = '', name, uid = '' } = regarding.metadata
  return [regarding.kind ?? '', namespace, name, uid, type, reason, action].join('\n')
}
