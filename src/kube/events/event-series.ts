import { LRUCache } from 'lru-cache'
import type { KubeObject } from '../client/object.ts'

/** An Event to record. */
export interface EventDetails {
  /** The object the event is about, with `apiVersion` and `kind`. */
  readonly regarding: KubeObject
  readonly type: 'Normal' | 'Warning'
  /** The machine-readable reason, in UpperCamelCase. */
  readonly reason: string
  /** The action that succeeded or failed, in UpperCamelCase. */
  readonly action: string
  /** The message for people. Cut to 1024 characters. */
  readonly note: string
}

/** An Event at the API server, or about to be there, and how often it has occurred. */
export interface Series {
  readonly details: EventDetails
  /** Set once the Event has been created. */
  stored?: { readonly namespace: string; readonly name: string }
  /** The last occurrence, in milliseconds since the epoch. */
  lastAt: number
  count: number
  /** The `count` that the API server has. */
  sentCount: number
  /** In milliseconds of the monotonic clock. */
  sentAt: number
}

/** Equal Events about the same object within this time form one series, in milliseconds. */
const windowMs = 600_000
const maxSeries = 4096

/** Finds the series of an Event. Holds 4096 series; the one idle for longest is evicted first. */
export class SeriesMemory {
  readonly #series = new LRUCache<string, Series>({ max: maxSeries })

  /**
   * Counts an Event. Returns its series, which may be a new one with `count` 1. `now` is in milliseconds since the
   * epoch.
   */
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

  /** The series whose count at the API server is too low. */
  unsent(): Series[] {
    return [...this.#series.rvalues()].flatMap((series) => (series && series.count > series.sentCount ? [series] : []))
  }
}

/** Reduces the object to the fields that name it. */
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
