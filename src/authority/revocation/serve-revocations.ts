import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Document } from '../documents/document.ts'
import { refuseDocument, serveDocument } from '../documents/serve-document.ts'
import type { RevocationDocuments } from './revocation-documents.ts'

/** The `max-age` of a list, in seconds: short, because it delays a revocation at every verifier. */
const revocationsMaxAge = 5
/** Retry-After of a 503, in seconds. */
const retryAfter = 2

/** Answers a GET or HEAD with the live revocations of a scope; 503, not an empty list, while they are unknown (I6). */
export async function serveRevocations(
  documents: RevocationDocuments,
  scope: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD') {
    refuseDocument(request, response, 405, { Allow: 'GET, HEAD' })
    return
  }
  let document: Document | undefined
  try {
    document = await documents.document(scope)
  } catch {
    document = undefined
  }
  if (document === undefined) refuseDocument(request, response, 503, { 'Retry-After': String(retryAfter) })
  else serveDocument(document, request, response, revocationsMaxAge)
}
