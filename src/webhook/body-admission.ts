import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../time/clock.ts'
import { refuse } from '../server/respond.ts'
import { collectBody } from '../server/body.ts'

export interface BodyLimits {
  /** The most requests whose bodies are being received. */
  readonly requests: number
  /** The most bytes of one body, and of all bodies being received. */
  readonly bodyBytes: number
  readonly allBytes: number
}

/** Why a request was refused before it was decided; a value of the decision metric. */
export type BodyRefusal = 'overloaded' | 'too-large' | 'late' | 'aborted'

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** In milliseconds of the monotonic clock. */
  readonly deadline: number
  readonly onRefusal: (refusal: BodyRefusal) => void
  bytes: number
  cancel: () => void
}

/** How often deadlines are checked while requests are waiting, in milliseconds. */
const sweepInterval = 250

/**
 * Receives request bodies within a common limit. Decisions are synchronous, so only requests waiting for their body are
 * in progress. Beyond the limit of requests the one that has waited longest is refused with 503, beyond the limit of
 * bytes the largest. A slow peer thus loses its place to a fast one, never the reverse.
 */
export class BodyAdmission {
  readonly #limits: BodyLimits
  readonly #clock: Clock
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiting>()
  #bytes = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(limits: BodyLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Receives the body and passes it on if it is complete by `deadline`. Otherwise responds itself and reports why. */
  take(
    request: IncomingMessage,
    response: ServerResponse,
    deadline: number,
    onBody: (body: Buffer) => void,
    onRefusal: (refusal: BodyRefusal) => void,
  ): void {
    const entry: Waiting = { request, response, deadline, onRefusal, bytes: 0, cancel: () => undefined }
    this.#waiting.add(entry)
    entry.cancel = collectBody(request, this.#limits.bodyBytes, {
      part: (length) => {
        entry.bytes += length
        this.#bytes += length
        if (this.#bytes > this.#limits.allBytes) this.#turnAway(this.#biggest())
      },
      end: (body) => {
        this.#forget(entry)
        onBody(body)
      },
      tooLarge: () => {
        this.#forget(entry)
        onRefusal('too-large')
        refuse(request, response, 413, `the request has more than ${this.#limits.bodyBytes} bytes`)
      },
      aborted: () => {
        this.#forget(entry)
        onRefusal('aborted')
      },
    })
    if (this.#waiting.size > this.#limits.requests) this.#turnAway(this.#waiting.values().next().value)
    if (this.#sweep === undefined && this.#waiting.size > 0) this.#scheduleSweep()
  }

  #forget(entry: Waiting): void {
    if (this.#waiting.delete(entry)) this.#bytes -= entry.bytes
  }

  #biggest(): Waiting | undefined {
    let found: Waiting | undefined
    for (const entry of this.#waiting) if (found === undefined || entry.bytes > found.bytes) found = entry
    return found
  }

  #turnAway(entry: Waiting | undefined): void {
    if (entry === undefined) return
    this.#drop(entry, 'overloaded', 503, 'too many admission reviews at a time, try again', { 'retry-after': '1' })
  }

  #drop(
    entry: Waiting,
    refusal: BodyRefusal,
    status: number,
    text: string,
    headers: Record<string, string> = {},
  ): void {
    entry.cancel()
    this.#forget(entry)
    entry.onRefusal(refusal)
    refuse(entry.request, entry.response, status, text, headers)
  }

  /** A single shared timer, running only while requests are waiting. */
  #scheduleSweep(): void {
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined
      const now = this.#clock.monotonic()
      for (const entry of this.#waiting) {
        if (now >= entry.deadline) this.#drop(entry, 'late', 500, 'the admission review did not arrive in time')
      }
      if (this.#waiting.size > 0) this.#scheduleSweep()
    }, sweepInterval)
    this.#sweep.unref()
  }
}
