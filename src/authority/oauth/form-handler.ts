import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SECOND } from '../../time/duration.ts'
import type { Logger } from '../../logger.ts'
import { answerEarly } from '../../server/respond.ts'
import { collectBody } from '../../server/body.ts'
import type { LoadShedder } from '../../server/load-shedding.ts'
import { TimeLimit } from '../../server/time-limit.ts'
import { errorResponse, headersOf, httpErrorResponse } from './form-response.ts'
import { type FormEndpoint, type FormEndpointName, formEndpointNames, type FormResponse } from './form-endpoint.ts'
import { isFormType, maxFormBytes, parseForm } from './form.ts'
import { OAuthError, TooManyRequests } from './oauth-error.ts'
import type { RateLimit } from './rate-limit.ts'
import { HttpFormRequest } from './form-request.ts'

export interface FormHandlerOptions {
  /** The cluster-scoped issuer, the realm of a 401, and the path that the endpoints are below. */
  readonly issuer: { readonly issuer: string; readonly path: string }
  readonly endpoints: Readonly<Partial<Record<FormEndpointName, FormEndpoint>>>
  readonly overload: LoadShedder
  /** The rate limit by peer address, applied before the caller is authenticated. */
  readonly addresses: RateLimit
  /** Why this replica cannot decide any request now, sent to the client; undefined if it can. */
  readonly unfit?: () => string | undefined
  readonly logger: Logger
  /** Called for every response: the endpoint, the status, and the milliseconds since the end of the request body. */
  readonly onAnswer?: (endpoint: FormEndpointName, status: number, durationMs: number) => void
  /** Called for every OAuthError, for metrics; the reasons are a small fixed set. */
  readonly onRefusal?: (endpoint: FormEndpointName, error: OAuthError) => void
  /** The time limit of an endpoint, in milliseconds; 5,000 by default. */
  readonly timeoutMs?: number
}

/** Retry-After of a 503, in seconds. */
const retryAfter = 1

/**
 * The HTTP side of the form endpoints: reads a form within its limits, calls the endpoint and sends the response. Rate
 * limit and load shedding apply before any signature is verified or made. A refused connection stays open: a new TLS
 * handshake would cost more than the response.
 */
export class FormHandler {
  readonly #options: FormHandlerOptions
  readonly #timeLimit: TimeLimit
  readonly #byPath: ReadonlyMap<string, { readonly name: FormEndpointName; readonly endpoint: FormEndpoint }>

  constructor(options: FormHandlerOptions) {
    this.#options = options
    this.#timeLimit = new TimeLimit(options.timeoutMs ?? 5 * SECOND)
    this.#byPath = new Map(
      formEndpointNames.flatMap((name) => {
        const endpoint = options.endpoints[name]
        return endpoint === undefined ? [] : [[`${options.issuer.path}/${name}`, { name, endpoint }]]
      }),
    )
  }

  /** Returns false, without any effect, if no endpoint has this path. The path is undecoded and has no query. */
  handle(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const found = this.#byPath.get(path)
    if (found === undefined) return false
    const problem = problemOf(request)
    if (problem === undefined) this.#read(found.name, found.endpoint, request, response)
    else this.#refuseUnread(found.name, request, response, problem)
    return true
  }

  #read(name: FormEndpointName, endpoint: FormEndpoint, request: IncomingMessage, response: ServerResponse): void {
    collectBody(request, maxFormBytes, {
      end: (body) => void this.#serve(name, endpoint, request, response, body),
      tooLarge: () => {
        const problem = httpErrorResponse(413, `the body has more than ${maxFormBytes} bytes`)
        this.#refuseUnread(name, request, response, problem)
      },
      aborted: () => undefined,
    })
  }

  async #serve(
    name: FormEndpointName,
    endpoint: FormEndpoint,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
  ): Promise<void> {
    const { overload, issuer, logger } = this.#options
    const startedAt = performance.now()
    const unable = this.#unfit(response) ?? this.#tooBusy(request.socket, startedAt)
    if (unable !== undefined) {
      this.#send(name, response, this.#refusal(name, unable), startedAt)
      return
    }
    overload.enter()
    let received: HttpFormRequest | undefined
    // Answers the client even if the endpoint never settles.
    const onLate = (): void => {
      received?.timeOut()
      const late = new OAuthError('temporarily_unavailable', 'the request took too long', {
        retryAfter,
        reason: 'timeout',
      })
      this.#send(name, response, this.#refusal(name, late), startedAt)
    }
    this.#timeLimit.begin(onLate, startedAt)
    try {
      received = new HttpFormRequest(parseForm(body), request, response)
      this.#send(name, response, await endpoint(received), startedAt)
    } catch (error) {
      if (!(error instanceof OAuthError)) logger.error('form endpoint failed', { endpoint: name, error })
      const answer = error instanceof OAuthError ? this.#refusal(name, error) : errorResponse(error, issuer.issuer)
      this.#send(name, response, answer, startedAt)
    } finally {
      this.#timeLimit.end(onLate)
      received?.close()
      overload.leave()
    }
  }

  /** Closes the connection with the refusal, because a new connection may reach a replica that can decide. */
  #unfit(response: ServerResponse): OAuthError | undefined {
    const description = this.#options.unfit?.()
    if (description === undefined) return undefined
    response.shouldKeepAlive = false
    return new OAuthError('temporarily_unavailable', description, { retryAfter, reason: 'clock' })
  }

  /** The refusal of a peer over its rate, or of any peer under overload. */
  #tooBusy(socket: Socket, now: number): OAuthError | undefined {
    const waitMs = this.#options.addresses.take(socket.remoteAddress ?? '', now)
    if (waitMs > 0) return new TooManyRequests(waitMs)
    if (!this.#options.overload.isOverloaded()) return undefined
    return new OAuthError('temporarily_unavailable', 'the server is overloaded', { retryAfter, reason: 'overload' })
  }

  #refusal(name: FormEndpointName, error: OAuthError): FormResponse {
    this.#options.onRefusal?.(name, error)
    return errorResponse(error, this.#options.issuer.issuer)
  }

  #send(name: FormEndpointName, response: ServerResponse, answer: FormResponse, startedAt: number): void {
    // Already answered, or the client has disconnected.
    if (response.headersSent || response.destroyed) return
    const headers = { ...headersOf(answer), 'Content-Length': Buffer.byteLength(answer.body) }
    response.writeHead(answer.status, headers).end(answer.body)
    this.#options.onAnswer?.(name, answer.status, performance.now() - startedAt)
  }

  #refuseUnread(
    name: FormEndpointName,
    request: IncomingMessage,
    response: ServerResponse,
    answer: FormResponse,
  ): void {
    answerEarly(request, response, answer.status, answer.body, headersOf(answer))
    this.#options.onAnswer?.(name, answer.status, 0)
  }
}

function problemOf({ method, headers }: IncomingMessage): FormResponse | undefined {
  if (method !== 'POST') return httpErrorResponse(405, 'use POST', { Allow: 'POST' })
  if (!isFormType(headers['content-type'])) {
    return httpErrorResponse(415, 'send application/x-www-form-urlencoded in UTF-8')
  }
  const encoding = headers['content-encoding']
  return encoding === undefined || encoding === 'identity'
    ? undefined
    : httpErrorResponse(415, 'send the body uncompressed')
}
