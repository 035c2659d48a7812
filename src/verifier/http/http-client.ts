import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendHttp,
} from 'node:http'
import { Agent as TlsAgent, request as sendHttps } from 'node:https'
import type { Socket } from 'node:net'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { messageOf } from '../../errors.ts'
import { DeadlineError, withDeadline } from '../../time/deadline.ts'
import { MINUTE } from '../../time/duration.ts'
import type { Trust } from './trust.ts'
import { FetchError } from './fetch-error.ts'

/** The longest Retry-After that is honoured, in milliseconds. */
export const longestRetryAfter = 5 * MINUTE

interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Limits the response body, in bytes, compressed and decompressed. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

interface HttpClientOptions {
  readonly trust: Trust
  /** Limits the whole request, from connecting to the last byte, in milliseconds. Default: 5 s. */
  readonly timeoutMs?: number | undefined
}

/** Closes idle connections, in milliseconds: before the authority does, after 120 s. */
const idleMs = 60_000
const unzip = promisify(gunzip)

/**
 * The HTTPS client for the authority. Requests are limited in time and size, redirects are not followed, and
 * connections are kept alive. A change of the trusted certificates replaces the connections; TLS sessions are never
 * resumed, so that none outlives the trust it was begun with.
 */
export class HttpClient {
  readonly #trust: Trust
  readonly #timeoutMs: number
  readonly #plain = new Agent({ keepAlive: true, timeout: idleMs })
  #secure: { readonly ca: string | undefined; readonly agent: TlsAgent } | undefined
  #closed = false

  constructor({ trust, timeoutMs = 5000 }: HttpClientOptions) {
    this.#trust = trust
    this.#timeoutMs = timeoutMs
  }

  /** Sends a request and resolves with the response, whatever its status. Rejects with a FetchError. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let limited = request.signal
    try {
      return await withDeadline(this.#timeoutMs, request.signal, async (signal) => {
        limited = signal
        const { answer, body } = await this.#try({ ...request, signal })
        const { statusCode: status = 0, headers } = answer
        return { status, headers, body: await decode(headers, body, request) }
      })
    } catch (cause) {
      if (cause instanceof FetchError) throw cause
      if (limited?.reason instanceof DeadlineError) {
        throw new FetchError('ERR_FETCH_TIMEOUT', `no response from ${request.url} within the time limit`)
      }
      throw new FetchError('ERR_FETCH_FAILED', `cannot fetch ${request.url}: ${reasonOf(cause)}`, { cause })
    }
  }

  /** Closes every connection. */
  close(): void {
    this.#closed = true
    this.#plain.destroy()
    this.#secure?.agent.destroy()
  }

  async #try(request: HttpRequest): Promise<{ answer: IncomingMessage; body: Buffer }> {
    const outgoing = await this.#begin(request)
    try {
      return await exchange(outgoing, request)
    } catch (error) {
      // The server may close an idle connection in the moment of its reuse. A retry is safe: no request changes
      // anything.
      if (!outgoing.reusedSocket || !isReset(error) || request.signal?.aborted === true) throw error
      return exchange(await this.#begin(request, false), request)
    }
  }

  async #begin({ method, url, headers, body, signal }: HttpRequest, reuse = true): Promise<ClientRequest> {
    if (this.#closed) throw new FetchError('ERR_FETCH_FAILED', 'the client is closed')
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const options = {
      method,
      headers: { 'accept-encoding': 'gzip', accept: 'application/json', ...headers, ...length },
      ...(signal === undefined ? {} : { signal }),
    }
    if (url.startsWith('http:')) return sendHttp(url, { ...options, agent: reuse ? this.#plain : false })
    const { ca, agent } = await this.#agent()
    const fresh = { agent: false, ...(ca === undefined ? {} : { ca }) } as const
    return sendHttps(url, { ...options, minVersion: 'TLSv1.2', ...(reuse ? { agent } : fresh) })
  }

  async #agent(): Promise<{ readonly ca: string | undefined; readonly agent: TlsAgent }> {
    const ca = await this.#trust()
    if (this.#secure !== undefined && this.#secure.ca === ca) return this.#secure
    retire(this.#secure?.agent)
    const tls = ca === undefined ? {} : { ca }
    this.#secure = { ca, agent: new TlsAgent({ keepAlive: true, timeout: idleMs, maxCachedSessions: 0, ...tls }) }
    return this.#secure
  }
}

async function decode(headers: IncomingHttpHeaders, body: Buffer, { url, maxBytes }: HttpRequest): Promise<Buffer> {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity' || body.length === 0) return body
  if (encoding !== 'gzip')
    throw new FetchError('ERR_FETCH_CONTENT', `${url} responded with an unknown content encoding`)
  try {
    return await unzip(body, { maxOutputLength: maxBytes })
  } catch (cause) {
    const tooLarge = cause instanceof RangeError
    if (tooLarge) throw tooLargeError({ url, maxBytes })
    throw new FetchError('ERR_FETCH_CONTENT', `${url} responded with invalid gzip data`, { cause })
  }
}

/** Closes idle connections now and busy ones after their response. */
function retire(agent: TlsAgent | undefined): void {
  if (agent === undefined) return
  agent.on('free', (socket: Socket) => socket.destroy())
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

function exchange(outgoing: ClientRequest, request: HttpRequest): Promise<{ answer: IncomingMessage; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      outgoing.destroy()
      reject(error)
    }
    // A response that switches protocols (101) unasked closes the connection without an error event.
    const breaksOff = (): void =>
      reject(new FetchError('ERR_FETCH_FAILED', `cannot fetch ${request.url}: incomplete response`))
    outgoing.on('error', reject)
    outgoing.once('close', breaksOff)
    outgoing.once('response', (answer) => {
      outgoing.off('close', breaksOff)
      answer.once('close', breaksOff)
      const parts: Buffer[] = []
      let length = 0
      answer.on('error', fail)
      answer.on('data', (part: Buffer) => {
        length += part.length
        if (length > request.maxBytes) fail(tooLargeError(request))
        else parts.push(part)
      })
      answer.once('end', () => resolve({ answer, body: Buffer.concat(parts) }))
    })
    outgoing.end(request.body)
  })
}

function tooLargeError({ url, maxBytes }: Pick<HttpRequest, 'url' | 'maxBytes'>): FetchError {
  return new FetchError('ERR_FETCH_TOO_LARGE', `${url} responded with more than ${maxBytes} bytes`)
}

/** Prefers the error's code: the error for several failed addresses has no message. File errors have a code too. */
function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : messageOf(error)
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
}
