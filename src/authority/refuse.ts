import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerEarly } from '../server/respond.ts'

/** An answer without a body, and not to be kept. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  answerEarly(request, response, status, '', { 'Cache-Control': 'no-store', ...headers })
}
