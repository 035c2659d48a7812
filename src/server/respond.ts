import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { announcesBody } from './body.ts'

/** How long an unwanted body is thrown away, so that the peer reads our answer instead of a reset, in milliseconds. */
const lingerMs = 1000

/** Answers with a line of text. */
export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = `${text}\n`
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(body)
}

/**
 * Answers a request whose body was not read to its end. The connection is closed, but only after what the peer still
 * sends has been thrown away for a moment: closing over unread bytes would reset it before it has read the answer.
 */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  answerEarly(request, response, status, `${text}\n`, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
}

/** The same with a body and headers of any kind; the length is filled in. */
export function answerEarly(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders,
): void {
  const length = { 'content-length': Buffer.byteLength(body) }
  if (request.complete || !announcesBody(request)) {
    response.writeHead(status, { ...headers, ...length }).end(body)
    return
  }
  response.writeHead(status, { ...headers, ...length, connection: 'close' })
  if (body === '') response.flushHeaders()
  else response.write(body)
  // The answer is complete by its length; the end of it would close the connection.
  const timer = setTimeout(finish, lingerMs)
  function finish(): void {
    clearTimeout(timer)
    response.end()
    if (!request.complete) request.destroy()
  }
  request.on('error', finish)
  request.once('end', finish)
  request.once('close', finish)
  request.resume()
}
