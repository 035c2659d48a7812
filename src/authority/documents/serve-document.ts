import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Document, maxAge, type Representation } from './document.ts'

/**
 * Answers a GET or HEAD with a document from memory, or with 304 where the client has it already. `age` is how many
 * seconds a copy may be kept.
 */
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
 * All documents are `application/json`: some clients refuse the registered `application/jwk-set+json` (RFC 7517 §8.5.1),
 * none refuses this.
 */
function headersOf(representation: Representation, age: number): Record<string, string> {
  return {
    ...validatorOf(representation, age),
    'Content-Type': 'application/json',
    'Content-Length': String(representation.body.length),
    'X-Content-Type-Options': 'nosniff',
  }
}

/** Headers of an answer that only confirms the client's copy, and of every other (RFC 9110 §15.4.5). */
function validatorOf({ etag }: Representation, age: number): Record<string, string> {
  return { ETag: etag, 'Cache-Control': `public, max-age=${age}`, Vary: 'Accept-Encoding' }
}

/** RFC 9110 §13.1.2: a list of validators, compared weakly, or `*`. */
function matches(header: string, { etag }: Representation): boolean {
  return header.split(',').some((tag) => {
    const text = tag.trim()
    return text === '*' || text === etag || text === `W/${etag}`
  })
}

/** RFC 9110 §12.5.3. What names gzip wins over `*`; a weight of zero refuses. */
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
