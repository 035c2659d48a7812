import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../time/clock.ts'
import { refuse } from '../server/respond.ts'
import { collectBody } from '../server/body.ts'

export interface BodyLimits {
  /** Most requests whose bodies are awaited at a time. */
  readonly requests: number
  /** Most bytes of one body, and of all bodies that are awaited. */
  readonly bodyBytes: number
  readonly allBytes: number
}

/** Why a request was not taken in, as decisions are counted. */
export type BodyRefusal = 'overloaded' | 'too-large' | 'late' | 'aborted'

interface Waiting {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** On the monotonic clock. */
  readonly deadline: number
  readonly onRefusal: (refusal: BodyRefusal) => void
  bytes: number
  cancel: () => void
}

/** How often deadlines are looked at while bodies are awaited, in milliseconds. */
const sweepInterval = 250

/**
 * Takes in bodies, within bounds for all of them together. Deciding is synchronous, so what is in flight is what still
 * waits for its body; over the bound, the one that has waited longest (or, of too many bytes, the biggest) is sent away
 * to try again. A slow peer thus loses its place to one that sends its body at once, never the reverse.
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

  /** Reads the body and hands it on if it is complete by `deadline`; else answers by itself and says why. */
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

  /** One timer for all that wait, and none while nobody does. */
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
