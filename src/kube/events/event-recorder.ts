import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import { type Logger, silentLogger } from '../../logger.ts'
import { KubeError } from '../client/api-errors.ts'
import type { KubeClient } from '../client/client.ts'
import { untilAborted } from '../../time/deadline.ts'
import { type EventDetails, type Series, SeriesMemory } from './event-series.ts'
import { formatMicroTime } from '../client/micro-time.ts'
import type { KubeObject } from '../client/object.ts'
import { resources } from '../client/resource.ts'

/** Takes Events from reconcilers. */
export interface EventSink {
  /** Queues an Event. Returns at once and never throws. */
  record(event: EventDetails): void
}

interface KubeEvent extends KubeObject {
  readonly eventTime: string
  readonly regarding: Readonly<Record<string, string | undefined>>
  readonly [field: string]: unknown
}

const longestQueue = 1000
const longestNote = 1024
const timeoutMs = 10_000

/**
 * Writes Events (events.k8s.io/v1) in the background, one at a time, from a queue of at most 1000. Failures are logged
 * only. An Event that repeats within ten minutes increments the count of its series, sent at most every ten seconds.
 */
export class EventRecorder implements EventSink {
  readonly #client: KubeClient
  readonly #reporter: { reportingController: string; reportingInstance: string }
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #seriesIntervalMs: number
  readonly #memory = new SeriesMemory()
  readonly #queue = new Set<Series>()
  #draining: Promise<void> | undefined
  #later: NodeJS.Timeout | undefined
  #sequence = 0
  #dropped = 0

  constructor(options: {
    client: KubeClient
    /** Such as `signet.dev/controller`. */
    reportingController: string
    /** The name of this process, such as that of its pod. */
    reportingInstance: string
    logger?: Logger
    clock?: Clock
    /** Shortest time between two updates of one series, in milliseconds; default 10,000. */
    seriesIntervalMs?: number
  }) {
    const { reportingController, reportingInstance } = options
    this.#client = options.client
    this.#reporter = { reportingController, reportingInstance: reportingInstance.slice(0, 128) }
    this.#logger = options.logger ?? silentLogger
    this.#clock = options.clock ?? systemClock
    this.#seriesIntervalMs = options.seriesIntervalMs ?? 10_000
  }

  /** Events dropped because the queue was full. */
  get dropped(): number {
    return this.#dropped
  }

  record(details: EventDetails): void {
    const series = this.#memory.note(details, this.#clock.now())
    if (series.count > 1 && this.#clock.monotonic() - series.sentAt < this.#seriesIntervalMs) this.#sendLater()
    else this.#enqueue(series)
  }

  /** Sends the queued Events and counts. Resolves early, without an error, if the signal is aborted. */
  async flush(signal?: AbortSignal): Promise<void> {
    clearTimeout(this.#later)
    this.#later = undefined
    for (const series of this.#memory.unsent()) this.#enqueue(series)
    await Promise.race([this.#draining, ...(signal === undefined ? [] : [untilAborted(signal)])])
  }

  #enqueue(series: Series): void {
    if (this.#queue.size >= longestQueue && !this.#queue.has(series)) {
      this.#dropped++
      return
    }
    this.#queue.add(series)
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined
    })
  }

  #sendLater(): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined
      for (const series of this.#memory.unsent()) this.#enqueue(series)
    }, this.#seriesIntervalMs).unref()
  }

  async #drain(): Promise<void> {
    for (const series of this.#queue) {
      this.#queue.delete(series)
      try {
        await this.#send(series)
      } catch (error) {
        const { reason, action } = series.details
        this.#logger.debug('cannot write an Event', { event: reason, action, reason: messageOf(error) })
      }
    }
  }

  async #send(series: Series): Promise<void> {
    const { count, stored } = series
    series.sentAt = this.#clock.monotonic()
    series.sentCount = count
    if (stored === undefined) {
      await this.#create(series, count)
      return
    }
    const patch = { series: { count, lastObservedTime: formatMicroTime(series.lastAt) } }
    try {
      await this.#client.patch(resources.events, stored, patch, { type: 'merge', timeoutMs })
    } catch (error) {
      // The API server deletes Events after an hour by default, even those of a series that continues.
      if (!(error instanceof KubeError && error.isNotFound)) throw error
      await this.#create(series, count)
    }
  }

  async #create(series: Series, count: number): Promise<void> {
    const { regarding, type, reason, action, note } = series.details
    const { name, uid, resourceVersion } = regarding.metadata
    const namespace = regarding.metadata.namespace ?? 'default'
    const time = this.#clock.now()
    const unique = `${time.toString(16)}${(this.#sequence++).toString(16)}`
    const event: KubeEvent = {
      metadata: { namespace, name: `${name.slice(0, 220)}.${unique}` },
      eventTime: formatMicroTime(series.lastAt),
      ...this.#reporter,
      type,
      reason,
      action,
      note: note.slice(0, longestNote),
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        namespace: regarding.metadata.namespace,
        name,
        uid,
        resourceVersion,
      },
      ...(count > 1 ? { series: { count, lastObservedTime: formatMicroTime(series.lastAt) } } : {}),
    }
    await this.#client.create(resources.events, event, { timeoutMs })
    series.stored = { namespace, name: event.metadata.name }
  }
}
