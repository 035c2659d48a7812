import type { IncomingMessage, ServerResponse } from 'node:http'
import { authorityHandler } from '../../src/authority/authority.ts'
import { PublishedDocuments } from '../../src/authority/documents/published-documents.ts'
import { describeApi, type Served } from '../../src/authority/openapi/description.ts'
import { parseIssuer } from '../../src/identity/issuer.ts'
import type { PublicKeySource } from '../../src/keys/public-key-source.ts'
import { silentLogger } from '../../src/logger.ts'

type HandlerOptions = Parameters<typeof authorityHandler>[0]

export interface ServedAuthorityOptions extends Pick<HandlerOptions, 'forms' | 'revocations' | 'onAnswer'> {
  readonly issuer: string
  readonly source: PublicKeySource
  /** What the OpenAPI description says is served; nothing optional by default. */
  readonly served?: Served
}

export interface ServedAuthority {
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  readonly notReady: () => string | undefined
  readonly close: () => void
}

/** The documents of a source and their handler, as the command connects them. */
export function serveAuthority({ issuer, source, served, ...options }: ServedAuthorityOptions): ServedAuthority {
  const base = parseIssuer(issuer)
  const description = describeApi(base, served ?? { forms: [], revocations: false })
  const documents = new PublishedDocuments({ issuer: base, source, description, logger: silentLogger })
  return {
    handler: authorityHandler({ ...options, path: base.path, documents }),
    notReady: () => documents.notReady(),
    close: () => documents.close(),
  }
}
