import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SECOND } from '../../time/duration.ts'
import type { Logger } from '../../logger.ts'
import { answerEarly } from '../../server/respond.ts'
import { collectBody } from '../../server/body.ts'
import type { LoadShedder } from '../../server/load-shedding.ts'
import { TimeLimit } from '../../server/time-limit.ts'
import { headersOf, httpRefusal, refusal } from './form-response.ts'
import type { FormAnswer, FormEndpoint } from './form-endpoint.ts'
import { isFormType, maxFormBytes, parseForm } from './form.ts'
import { OAuthError } from './oauth-error.ts'
import { type RateLimit, TooManyRequests } from './rate-limit.ts'
import { ReceivedForm } from './form-request.ts'

/** The endpoints that take forms; each is a path below that of the issuer. */
const formEndpoints = ['token', 'introspect', 'revoke'] as const
type FormEndpointName = (typeof formEndpoints)[number]

export interface FormHandlerOptions {
  /** The issuer of the cluster level, which a 401 names as its realm, and the path that the endpoints are below. */
  readonly issuer: { readonly issuer: string; readonly path: string }
  readonly endpoints: Readonly<Partial<Record<FormEndpointName, FormEndpoint>>>
  readonly overload: LoadShedder
  /** By the address of the peer, before anything is known of the caller. */
  readonly addresses: RateLimit
  /** Why this replica can judge nothing now, for those who ask it; undefined where it can. */
  readonly unfit?: () => string | undefined
  readonly logger: Logger
  /** Told of every answer: which endpoint, the status, and how long it took from the end of the body, in milliseconds. */
  readonly onAnswer?: (endpoint: FormEndpointName, status: number, durationMs: number) => void
  /** Told of every OAuthError, for metrics; its reason is one of few. */
  readonly onRefusal?: (endpoint: FormEndpointName, error: OAuthError) => void
  /** How long an endpoint may take, in milliseconds; 5 s by default. */
  readonly timeoutMs?: number
}

const retryAfter = 1

/**
 * The HTTP side of the endpoints that take forms. Reads a form within its limits, hands it to its endpoint and sends the
 * answer. Under too much load, from everybody or from one address, it says so before anything is verified or signed, and
 * keeps the connection: a new one would cost more than the answer.
 */
export class FormHandler {
  readonly #options: FormHandlerOptions
  readonly #timeLimit: TimeLimit
  readonly #byPath: ReadonlyMap<string, { readonly name: FormEndpointName; readonly endpoint: FormEndpoint }>

  constructor(options: FormHandlerOptions) {
    this.#options = options
    this.#timeLimit = new TimeLimit(options.timeoutMs ?? 5 * SECOND)
    this.#byPath = new Map(
      formEndpoints.flatMap((name) => {
        const endpoint = options.endpoints[name]
        return endpoint === undefined ? [] : [[`${options.issuer.path}/${name}`, { name, endpoint }]]
      }),
    )
  }

  /** False, having done nothing, where the path (as it was sent, without its query) is none of an endpoint. */
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
        const problem = httpRefusal(413, `the body has more than ${maxFormBytes} bytes`)
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
    let received: ReceivedForm | undefined
    // Should the endpoint hang, the caller hears of it all the same.
    const onLate = (): void => {
      received?.end()
      const late = new OAuthError('temporarily_unavailable', 'it took too long', { retryAfter, reason: 'timeout' })
      this.#send(name, response, this.#refusal(name, late), startedAt)
    }
    this.#timeLimit.begin(onLate, startedAt)
    try {
      received = new ReceivedForm(parseForm(body), request, response)
      this.#send(name, response, await endpoint(received), startedAt)
    } catch (error) {
      if (!(error instanceof OAuthError)) logger.error('form endpoint failed', { endpoint: name, error })
      const answer = error instanceof OAuthError ? this.#refusal(name, error) : refusal(error, issuer.issuer)
      this.#send(name, response, answer, startedAt)
    } finally {
      this.#timeLimit.end(onLate)
      received?.close()
      overload.leave()
    }
  }

  /** Why nothing can be told here. The connection ends with that, since another may lead to a replica that can. */
  #unfit(response: ServerResponse): OAuthError | undefined {
    const description = this.#options.unfit?.()
    if (description === undefined) return undefined
    response.shouldKeepAlive = false
    return new OAuthError('temporarily_unavailable', description, { retryAfter, reason: 'clock' })
  }

  /** Why nothing should be begun for this peer now. */
  #tooBusy(socket: Socket, now: number): OAuthError | undefined {
    const waitMs = this.#options.addresses.take(socket.remoteAddress ?? '', now)
    if (waitMs > 0) return new TooManyRequests(waitMs)
    if (!this.#options.overload.isOver()) return undefined
    return new OAuthError('temporarily_unavailable', 'too much to do', { retryAfter, reason: 'overload' })
  }

  #refusal(name: FormEndpointName, error: OAuthError): FormAnswer {
    this.#options.onRefusal?.(name, error)
    return refusal(error, this.#options.issuer.issuer)
  }

  #send(name: FormEndpointName, response: ServerResponse, answer: FormAnswer, startedAt: number): void {
    // Answered already, or nobody is there any more.
    if (response.headersSent || response.destroyed) return
    const headers = { ...headersOf(answer), 'Content-Length': Buffer.byteLength(answer.body) }
    response.writeHead(answer.status, headers).end(answer.body)
    this.#options.onAnswer?.(name, answer.status, performance.now() - startedAt)
  }

  #refuseUnread(name: FormEndpointName, request: IncomingMessage, response: ServerResponse, answer: FormAnswer): void {
    answerEarly(request, response, answer.status, answer.body, headersOf(answer))
    this.#options.onAnswer?.(name, answer.status, 0)
  }
}

function problemOf({ method, headers }: IncomingMessage): FormAnswer | undefined {
  if (method !== 'POST') return httpRefusal(405, 'use POST', { Allow: 'POST' })
  if (!isFormType(headers['content-type'])) {
    return httpRefusal(415, 'send application/x-www-form-urlencoded in UTF-8')
  }
  const encoding = headers['content-encoding']
  return encoding === undefined || encoding === 'identity' ? undefined : httpRefusal(415, 'send the body uncompressed')
}
