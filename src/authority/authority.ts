import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../logger.ts'
import { parseIssuer } from '../identity/issuer.ts'
import type { FormHandler } from './oauth/form-handler.ts'
import { type Endpoint, locate } from './documents/document-path.ts'
import { describeApi, type Served } from './openapi/description.ts'
import type { PublicKeySource } from '../keys/public-key-source.ts'
import { type PublishedDocument, PublishedDocuments, type ServedKeys } from './documents/published-documents.ts'
import { refuse } from './refuse.ts'
import type { RevocationFeed } from './revocation/revocation-list.ts'
import { serveDocument } from './documents/serve-document.ts'
import { serveRevocations } from './revocation/serve-revocation-list.ts'

interface AuthorityOptions {
  /** The issuer of the cluster level, an https URL; its documents and those of the levels below are served at its path. */
  readonly issuer: string
  readonly source: PublicKeySource
  /** Answers requests to the endpoints that take forms; without, there are none. */
  readonly forms?: Pick<FormHandler, 'handle'> | undefined
  /** The live revocations; without, there is no such document. */
  readonly revocations?: RevocationFeed | undefined
  /** What is served on this address besides documents, by this handler or before it, for the description; default: nothing. */
  readonly served?: Served
  readonly logger: Logger
  /** Told of every answer, for metrics: which endpoint, or `none`, and the status. */
  readonly onAnswer?: (endpoint: Endpoint | 'none', status: number) => void
}

/** What relying parties talk to. Holds public keys only. */
export interface Authority {
  /** Answers a request of `node:http` or `node:https`. Limits and timeouts are the server's. */
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  /** What is served of the authority's own keys: only with such a one may a token be signed. */
  readonly served: ServedKeys
  /** Why it cannot serve yet; undefined once it can, and from then on. */
  readonly notReady: () => string | undefined
  readonly close: () => void
}

/** Seconds after which a client may ask again when the keys have not been read yet. */
const retryAfter = 2

/**
 * Serves from memory discovery, JWK Set and revocations of the cluster, of each namespace and of each identity, the SPIFFE
 * bundle, and an OpenAPI description of all that. Until the source is ready every other document is 503: a set that lacks
 * keys would make verifiers refuse good tokens (I1). Throws a TypeError for an unusable issuer.
 */
export function createAuthority(options: AuthorityOptions): Authority {
  const { issuer, source, forms, revocations, served, logger, onAnswer } = options
  const base = parseIssuer(issuer)
  const description = describeApi(base, served ?? { forms: [], revocations: false })
  const documents = new PublishedDocuments({ issuer: base, source, description, logger })
  return {
    handler: (request, response) => {
      const path = pathOf(request)
      if (forms?.handle(path, request, response) === true) return
      if (revocations !== undefined && path.endsWith('/revocations')) {
        const location = locate(base.path, path)
        if (location?.endpoint === 'revocations') {
          void serveRevocations(revocations, location.level, request, response).finally(() =>
            onAnswer?.('revocations', response.statusCode),
          )
          return
        }
      }
      const published = documents.get(path)
      answer(request, response, published)
      onAnswer?.(published?.endpoint ?? 'none', response.statusCode)
    },
    served: documents,
    notReady: () => (documents.ready() ? undefined : 'public keys have not been read yet'),
    close: () => documents.close(),
  }
}

function answer(request: IncomingMessage, response: ServerResponse, published: PublishedDocument | undefined): void {
  const { method } = request
  if (published === undefined) refuse(request, response, 404)
  else if (method !== 'GET' && method !== 'HEAD') refuse(request, response, 405, { Allow: 'GET, HEAD' })
  else if (published.document === undefined) refuse(request, response, 503, { 'Retry-After': String(retryAfter) })
  else serveDocument(published.document, request, response)
}

/**
 * The path as it was sent: nothing is decoded or normalised, so that one document has one path. A request as for a proxy
 * names scheme and host before it (RFC 9112 §3.2.2).
 */
function pathOf({ url = '' }: IncomingMessage): string {
  const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '')
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}
