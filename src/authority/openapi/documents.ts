import { type Json, type SchemaName, schemaOf } from './schemas.ts'

const header = (description: string, pattern: string): Json => ({
  description,
  required: true,
  schema: { type: 'string', pattern },
})

export const headers = {
  ETag: header('Identifies the bytes of the body.', '^"[A-Za-z0-9_-]+"$'),
  CacheControl: header('How long a response may be cached, in seconds.', '^public, max-age=[0-9]+$'),
  NoStore: header('Responses must not be cached.', '^no-store$'),
  Vary: header('Bodies are compressed if the client accepts gzip.', '^Accept-Encoding$'),
  RetryAfter: header('Whole seconds after which to retry.', '^[0-9]+$'),
  AllowGet: header('The supported methods.', '^GET, HEAD$'),
} as const satisfies Record<string, Json>

const ref = (name: keyof typeof headers): Json => ({ $ref: `#/components/headers/${name}` })

/** Responses without a body. */
export const responses = {
  NotModified: {
    description: 'The cached copy of the client is up to date.',
    headers: { ETag: ref('ETag'), 'Cache-Control': ref('CacheControl'), Vary: ref('Vary') },
  },
  NotFound: {
    description: 'The namespace or identity does not exist or has no keys.',
    headers: { 'Cache-Control': ref('NoStore') },
  },
  MethodNotAllowed: {
    description: 'Documents support GET and HEAD only.',
    headers: { Allow: ref('AllowGet'), 'Cache-Control': ref('NoStore') },
  },
  NotYet: {
    description: 'The server has just started and has not read all keys and revocations yet.',
    headers: { 'Retry-After': ref('RetryAfter'), 'Cache-Control': ref('NoStore') },
  },
} as const satisfies Record<string, Json>

const response = (name: keyof typeof responses): Json => ({ $ref: `#/components/responses/${name}` })

/** The scopes of the documents: the path of the scope's issuer below the base, and the end of the summary. */
const scopes = [
  { path: '', of: 'of the cluster', parameters: [] },
  { path: '/ns/{namespace}', of: 'of a namespace', parameters: ['Namespace'] },
  { path: '/ns/{namespace}/sa/{name}', of: 'of an identity', parameters: ['Namespace', 'Name'] },
] as const

export const parameters = {
  Namespace: {
    name: 'namespace',
    in: 'path',
    required: true,
    schema: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  },
  Name: {
    name: 'name',
    in: 'path',
    required: true,
    schema: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$' },
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'Validators of cached copies (RFC 9110 §13.1.2).',
    schema: { type: 'string' },
  },
} as const satisfies Record<string, Json>

interface DocumentOptions {
  readonly summary: string
  readonly schema: Json
  readonly parameters?: readonly (keyof typeof parameters)[]
  /** Whether the response can be 404: only the cluster's documents always exist. */
  readonly missing?: boolean
}

function document({ summary, schema, parameters: names = [], missing = false }: DocumentOptions): Json {
  return {
    parameters: [...names, 'IfNoneMatch'].map((name) => ({ $ref: `#/components/parameters/${name}` })),
    get: {
      tags: ['documents'],
      summary,
      responses: {
        200: {
          description: summary,
          headers: { ETag: ref('ETag'), 'Cache-Control': ref('CacheControl'), Vary: ref('Vary') },
          content: { 'application/json': { schema } },
        },
        304: response('NotModified'),
        ...(missing ? { 404: response('NotFound') } : {}),
        405: response('MethodNotAllowed'),
        503: response('NotYet'),
      },
    },
  }
}

/** The paths of documents, below the path of the issuer. HEAD is GET without the body and is not described. */
export function documentPaths(base: string, served: { readonly revocations: boolean }): Json {
  const wellKnown = '/.well-known'
  const paths: [string, Json][] = scopes.flatMap(({ path, of, parameters: names }) => {
    const each = (at: string, summary: string, name: SchemaName): [string, Json] => [
      at,
      document({ summary: `${summary} ${of}`, schema: schemaOf(name), parameters: names, missing: path !== '' }),
    ]
    const oauth = 'Authorization server metadata (RFC 8414)'
    return [
      each(`${base}${path}/jwks.json`, 'JWK Set (RFC 7517)', 'Jwks'),
      each(`${base}${path}${wellKnown}/openid-configuration`, 'OpenID configuration', 'OpenIdConfiguration'),
      each(`${base}${path}${wellKnown}/oauth-authorization-server`, oauth, 'AuthorizationServerMetadata'),
      each(`${wellKnown}/oauth-authorization-server${base}${path}`, oauth, 'AuthorizationServerMetadata'),
      ...(served.revocations ? [each(`${base}${path}/revocations`, 'Live revocations', 'Revocations')] : []),
    ]
  })
  paths.push(
    [`${base}/bundle.json`, document({ summary: 'SPIFFE trust bundle', schema: schemaOf('SpiffeBundle') })],
    [
      `${base}/openapi.json`,
      document({ summary: 'This description', schema: { type: 'object', required: ['openapi'] } }),
    ],
  )
  return Object.fromEntries(paths)
}
