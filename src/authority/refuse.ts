import type { IncomingMessage, ServerResponse } from 'node:http'

/** An answer without a body. A request that brings a body is not read: the connection ends with the answer. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  const close = length !== '0' || encoding !== undefined ? { Connection: 'close' } : {}
  response.writeHead(status, { 'Cache-Control': 'no-store', 'Content-Length': '0', ...headers, ...close }).end()
}
