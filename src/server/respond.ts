import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { announcesBody } from './body.ts'

/**
 * How long an unread body is discarded, in milliseconds, so that the peer reads the response before a connection reset.
 */
const lingerMs = 1000

/** Sends one line of text. */
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
 * Responds to a request whose body was not read completely, and closes the connection. The rest of the body is
 * discarded for a moment first, because closing with unread bytes would reset the connection before the peer has read
 * the response.
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

/** `refuse` with any body and headers. Content-Length is added. */
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
  // The response is complete by its length; `end` would close the connection.
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
