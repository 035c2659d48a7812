import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Document } from '../documents/document.ts'
import { refuse } from '../refuse.ts'
import type { RevocationFeed } from './revocation-list.ts'
import { serveDocument } from '../documents/serve-document.ts'

/** How long a copy may be kept, in seconds: a verifier asks again at least as often as it wants to know. */
const revocationsMaxAge = 5
/** Seconds after which to ask again when there is nothing to tell yet. */
const retryAfter = 2

/** Answers a GET or HEAD of a level's revocations; 503 while they cannot be told, never an empty list instead. */
export async function serveRevocations(
  feed: RevocationFeed,
  level: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD') {
    refuse(request, response, 405, { Allow: 'GET, HEAD' })
    return
  }
  let document: Document | undefined
  try {
    document = await feed.document(level)
  } catch {
    document = undefined
  }
  if (document === undefined) refuse(request, response, 503, { 'Retry-After': String(retryAfter) })
  else serveDocument(document, request, response, revocationsMaxAge)
}
