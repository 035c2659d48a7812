import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerEarly } from '../../server/respond.ts'
import { type Document, maxAge, type Representation } from './document.ts'

/** Answers without a document: an empty body that must not be cached. */
export function refuseDocument(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  answerEarly(request, response, status, '', { 'Cache-Control': 'no-store', ...headers })
}

/** Answers a GET or HEAD with a document, or with 304 if the client has it. `age` is the `max-age`, in seconds. */
export function serveDocument(
  document: Document,
  request: IncomingMessage,
  response: ServerResponse,
  age = maxAge,
): void {
  const { plain, gzip } = document
  const known = request.headers['if-none-match']
  const copy = known === undefined ? undefined : [gzip, plain].find((one) => one !== undefined && matches(known, one))
  if (copy !== undefined) {
    response.writeHead(304, validatorOf(copy, age)).end()
    return
  }
  const packed = gzip !== undefined && acceptsGzip(request.headers['accept-encoding'])
  const { body } = packed ? gzip : plain
  response.writeHead(200, packed ? { ...headersOf(gzip, age), 'Content-Encoding': 'gzip' } : headersOf(plain, age))
  if (request.method === 'HEAD') response.end()
  else response.end(body)
}

/**
 * Every document is `application/json`: some clients refuse the registered `application/jwk-set+json` (RFC 7517 §8.5.1),
 * and all accept `application/json`.
 */
function headersOf(representation: Representation, age: number): Record<string, string> {
  return {
    ...validatorOf(representation, age),
    'Content-Type': 'application/json',
    'Content-Length': String(representation.body.length),
    'X-Content-Type-Options': 'nosniff',
  }
}

/** The headers of every response with a document, 304 included (RFC 9110 §15.4.5). */
function validatorOf({ etag }: Representation, age: number): Record<string, string> {
  return { ETag: etag, 'Cache-Control': `public, max-age=${age}`, Vary: 'Accept-Encoding' }
}

/** If-None-Match is a list of validators, compared weakly, or `*` (RFC 9110 §13.1.2). */
function matches(header: string, { etag }: Representation): boolean {
  return header.split(',').some((tag) => {
    const text = tag.trim()
    return text === '*' || text === etag || text === `W/${etag}`
  })
}

/** Whether Accept-Encoding allows gzip: `gzip` takes precedence over `*`, a weight of 0 refuses (RFC 9110 §12.5.3). */
export function acceptsGzip(header: string | undefined): boolean {
  if (header === undefined) return false
  let any = false
  for (const item of header.toLowerCase().split(',')) {
    const [coding = '', ...parameters] = item.split(';').map((part) => part.trim())
    const refused = parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
    if (coding === 'gzip' || coding === 'x-gzip') return !refused
    if (coding === '*') any = !refused
  }
  return any
}
