import { messageOf, SignetError } from '../../errors.ts'
import { errorOf, KubeError } from './api-errors.ts'
import type { Call, Subject, Verb } from './call.ts'
import { pause, reasonOf, withDeadline } from '../../time/deadline.ts'
import { callClassOf, PriorityGate } from './priority-gate.ts'
import { parseRetryAfter } from '../../time/retry-after.ts'
import { errorCode, lossOf, retryDelay } from './retry.ts'
import type { Transport, TransportResponse } from './transport.ts'

/** One request to the API server, for metrics. */
export interface KubeRequestMetric {
  readonly verb: Verb
  readonly resource: string
  /** The HTTP status; 0 if no response came. */
  readonly status: number
  readonly durationMs: number
}

export interface RequestSenderOptions {
  /** Called after every request, retries included. */
  readonly onRequest?: ((request: KubeRequestMetric) => void) | undefined
  /** Such as `signet/0.1.0`. The part before the slash is the field manager of plain writes. */
  readonly userAgent?: string | undefined
  readonly random?: (() => number) | undefined
}

const defaultTimeoutMs = 30_000
/** Concurrent calls, except watches and those of the Lease: the size of the default connection pool. */
const maxInFlight = 16

/** Sends calls with a deadline, retries and metrics. Every failure is a KubeError. */
export class RequestSender {
  readonly #transport: Transport
  readonly #options: RequestSenderOptions
  readonly #gate = new PriorityGate(maxInFlight)

  constructor(transport: Transport, options: RequestSenderOptions) {
    this.#transport = transport
    this.#options = options
  }

  /** Resolves with the parsed response. Retries until the call's deadline where `retryDelay` allows it. */
  send(call: Call): Promise<unknown> {
    const { signal, timeoutMs = defaultTimeoutMs } = call.options
    return withDeadline(timeoutMs, signal, async (limited) => {
      const deadline = performance.now() + timeoutMs
      try {
        for (let attempt = 1; ; attempt++) {
          const outcome = await this.#attempt(call, limited).catch((thrown: unknown) =>
            this.#failure(call, thrown, limited),
          )
          if (!(outcome instanceof KubeError)) return outcome
          const delay = this.#retryDelay(call, outcome, attempt)
          if (delay === undefined || performance.now() + delay >= deadline) throw outcome
          await pause(delay, limited)
        }
      } catch (error) {
        throw this.translate(call, error, limited, signal)
      }
    })
  }

  /**
   * Resolves with a response whose body is unread. Rejects with a KubeError unless the status is 200. Never retries.
   */
  async open(call: Omit<Call, 'idempotent' | 'options'>, signal: AbortSignal): Promise<TransportResponse> {
    return this.#measured(call, async (setStatus) => {
      const { method, path } = call
      const answer = await this.#transport.request({
        method,
        path,
        headers: this.#headers(call),
        pool: 'watch',
        signal,
      })
      setStatus(answer.statusCode)
      if (answer.statusCode === 200) return answer
      throw errorOf(call, answer.statusCode, await answer.body.text(), retryAfterOf(answer))
    })
  }

  /** The error to throw: the reason of the caller's abort unchanged, anything else as a KubeError. */
  translate(
    subject: Subject,
    error: unknown,
    limited: AbortSignal,
    signal: AbortSignal | undefined,
    reason = 'Unreachable',
  ): unknown {
    if (signal?.aborted) return signal.reason
    if (error instanceof KubeError) return error
    const ended = limited.aborted
    const cause = ended ? reasonOf(limited) : error
    const detail = detailOfLoss(cause)
    return new KubeError({ ...subject, status: 0, reason: ended ? 'Timeout' : reason, detail, cause })
  }

  /** Holds its place in the gate for one attempt only, not for the pause before the next. */
  async #attempt(call: Call, signal: AbortSignal): Promise<unknown> {
    if (call.options.pool === 'lease') return this.#request(call, signal)
    const leave = await this.#gate.enter(callClassOf(call), signal)
    try {
      return await this.#request(call, signal)
    } finally {
      leave()
    }
  }

  #request(call: Call, signal: AbortSignal): Promise<unknown> {
    return this.#measured(call, async (setStatus) => {
      const { method, path } = call
      const body = call.body === undefined ? undefined : JSON.stringify(call.body)
      const pool = call.options.pool ?? 'default'
      const answer = await this.#transport.request({ method, path, headers: this.#headers(call), body, pool, signal })
      const text = await answer.body.text()
      setStatus(answer.statusCode)
      if (answer.statusCode < 200 || answer.statusCode > 299) {
        throw errorOf(call, answer.statusCode, text, retryAfterOf(answer))
      }
      return parseAnswer(call, text)
    })
  }

  /** Returns a failure that may be retried. Throws the reason of an abort. */
  #failure(call: Call, thrown: unknown, limited: AbortSignal): KubeError {
    if (thrown instanceof KubeError) return thrown
    if (limited.aborted) throw reasonOf(limited)
    const detail = detailOfLoss(thrown)
    return new KubeError({ ...call, status: 0, reason: 'Unreachable', detail, cause: thrown })
  }

  #retryDelay(call: Call, error: KubeError, attempt: number): number | undefined {
    // Only a call with another resource version can succeed.
    if (error.isTooLargeResourceVersion) return undefined
    return retryDelay({
      attempt,
      idempotent: call.idempotent,
      status: error.status,
      loss: lossOf(error.cause),
      retryAfterMs: error.retryAfterMs,
      random: this.#options.random ?? Math.random,
    })
  }

  #headers(call: Pick<Call, 'accept' | 'body' | 'contentType'>): Record<string, string> {
    return {
      accept: call.accept ?? 'application/json',
      'user-agent': this.#options.userAgent ?? 'signet',
      ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
    }
  }

  async #measured<T>(
    { verb, resource }: Subject,
    work: (setStatus: (status: number) => void) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now()
    let status = 0
    try {
      return await work((answered) => {
        status = answered
      })
    } finally {
      this.#options.onRequest?.({ verb, resource: resource.plural, status, durationMs: performance.now() - startedAt })
    }
  }
}

/**
 * The code of an error of Node or undici, which is shorter and clearer than its message; Signet's errors keep theirs.
 */
function detailOfLoss(error: unknown): string {
  return error instanceof SignetError ? error.message : (errorCode(error) ?? messageOf(error))
}

function retryAfterOf({ headers }: TransportResponse): number | undefined {
  const header = headers['retry-after']
  return parseRetryAfter(Array.isArray(header) ? header[0] : header, Date.now())
}

function parseAnswer(call: Call, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The parser's message quotes the text, which may be a Secret.
    throw new KubeError({ ...call, status: 0, reason: 'BrokenAnswer', detail: 'not JSON' })
  }
}
