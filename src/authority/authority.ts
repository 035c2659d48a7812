import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Endpoint, locate } from './documents/document-path.ts'
import type { PublishedDocument, PublishedDocuments } from './documents/published-documents.ts'
import { refuseDocument, serveDocument } from './documents/serve-document.ts'
import type { FormHandler } from './oauth/form-handler.ts'
import type { RevocationDocuments } from './revocation/revocation-documents.ts'
import { serveRevocations } from './revocation/serve-revocations.ts'

interface AuthorityOptions {
  /** The path of the cluster-scoped issuer, without a trailing slash; every other path is below it. */
  readonly path: string
  readonly documents: PublishedDocuments
  /** The form endpoints; without them `POST /token` and the others are 404. */
  readonly forms?: Pick<FormHandler, 'handle'> | undefined
  /** The live revocations; without them `/revocations` is 404. */
  readonly revocations?: RevocationDocuments | undefined
  /** Called for every response to a document request, for metrics: the kind of document, or `none`, and the status. */
  readonly onAnswer?: (endpoint: Endpoint | 'none', status: number) => void
}

/** A listener of `node:http` or `node:https`. Limits and timeouts are those of the server. */
type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Retry-After while the keys have not been read, in seconds. */
const retryAfter = 2

/**
 * The requests of relying parties and workloads, routed by path: form endpoints, lists of revocations, and documents.
 * Until the keys have been read every document except the OpenAPI description is 503: a JWK Set that lacks keys would make
 * verifiers refuse valid tokens (I1).
 */
export function authorityHandler(options: AuthorityOptions): RequestHandler {
  const { path: base, documents, forms, revocations, onAnswer } = options
  return (request, response) => {
    const path = pathOf(request)
    if (forms?.handle(path, request, response) === true) return
    if (revocations !== undefined && path.endsWith('/revocations')) {
      const location = locate(base, path)
      if (location?.endpoint === 'revocations') {
        void serveRevocations(revocations, location.scope, request, response).finally(() =>
          onAnswer?.('revocations', response.statusCode),
        )
        return
      }
    }
    const published = documents.get(path)
    answer(request, response, published)
    onAnswer?.(published?.endpoint ?? 'none', response.statusCode)
  }
}

function answer(request: IncomingMessage, response: ServerResponse, published: PublishedDocument | undefined): void {
  const { method } = request
  if (published === undefined) refuseDocument(request, response, 404)
  else if (method !== 'GET' && method !== 'HEAD') refuseDocument(request, response, 405, { Allow: 'GET, HEAD' })
  else if (published.document === undefined)
    refuseDocument(request, response, 503, { 'Retry-After': String(retryAfter) })
  else serveDocument(published.document, request, response)
}

/**
 * The undecoded path of the request, so that each document has one spelling. A proxy may send scheme and host before the
 * path (RFC 9112 §3.2.2).
 */
function pathOf({ url = '' }: IncomingMessage): string {
  const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '')
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}
