import type { FormEndpointName } from '../oauth/form-endpoint.ts'
import type { OAuthErrorCode } from '../oauth/oauth-error.ts'
import { errorSchema, type Json, schemaOf, type SchemaName } from './schemas.ts'

const header = (description: string, pattern: string): Json => ({
  description,
  required: true,
  schema: { type: 'string', pattern },
})
const noStore = { 'Cache-Control': header('Responses must not be cached (RFC 6749 §5.1).', '^no-store$') }
const retryAfter = { 'Retry-After': header('Whole seconds after which to retry.', '^[0-9]+$') }

/** A response with one of these errors (RFC 6749 §5.2). */
function refused(
  description: string,
  errors: readonly [OAuthErrorCode, ...OAuthErrorCode[]],
  headers: Json = {},
): Json {
  return {
    description,
    headers: { ...noStore, ...headers },
    content: { 'application/json': { schema: errorSchema(errors) } },
  }
}

/** Error responses of every form endpoint. */
export const formResponses = {
  Unauthorized: refused('The credential of the caller is missing or invalid.', ['invalid_client'], {
    'WWW-Authenticate': header('How to authenticate (RFC 6750 §3).', '^Bearer '),
  }),
  UsePost: refused('Forms support POST only.', ['invalid_request'], {
    Allow: header('The supported methods.', '^POST$'),
  }),
  TooLarge: refused('The body has more than 16 KiB.', ['invalid_request']),
  NotAForm: refused('The body is not application/x-www-form-urlencoded, or is compressed.', ['invalid_request']),
  TooMany: refused('The caller or its address exceeds its rate.', ['temporarily_unavailable'], retryAfter),
  Unavailable: refused(
    'The request cannot be decided now: it is neither allowed nor denied.',
    ['temporarily_unavailable'],
    retryAfter,
  ),
} as const satisfies Record<string, Json>

const response = (name: keyof typeof formResponses): Json => ({ $ref: `#/components/responses/${name}` })

/** Status 400 of each endpoint. */
const badRequests: Readonly<Record<FormEndpointName, Json>> = {
  token: refused('The request is invalid (RFC 6749 §5.2, RFC 8693 §2.2.2).', [
    'invalid_request',
    'invalid_scope',
    'invalid_target',
    'unsupported_grant_type',
  ]),
  introspect: refused('The request is invalid (RFC 7662 §2.3).', ['invalid_request']),
  revoke: refused('The request is invalid, or the token belongs to another identity (RFC 7009 §2.2.1).', [
    'invalid_request',
    'unauthorized_client',
  ]),
}

const refusals = (name: FormEndpointName): Json => ({
  400: badRequests[name],
  401: response('Unauthorized'),
  405: response('UsePost'),
  413: response('TooLarge'),
  415: response('NotAForm'),
  429: response('TooMany'),
  503: response('Unavailable'),
})

const text = { type: 'string', maxLength: 8192 }
const token = { ...text, description: 'A JWT.' }
const assertion = {
  client_assertion_type: { const: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  client_assertion: { ...token, description: "The caller's ServiceAccount token (RFC 7523 §2.2)." },
}
const wanted = {
  audience: { ...text, description: 'The one audience of the token.' },
  resource: { ...text, description: 'The audience as a URI (RFC 8707).' },
  scope: { ...text, description: 'Scopes, separated by spaces.' },
}

const requests: Readonly<Record<FormEndpointName, Json>> = {
  token: {
    oneOf: [
      {
        title: 'Token exchange (RFC 8693)',
        type: 'object',
        properties: {
          grant_type: { const: 'urn:ietf:params:oauth:grant-type:token-exchange' },
          subject_token: { ...token, description: "The pod's projected ServiceAccount token." },
          subject_token_type: { const: 'urn:ietf:params:oauth:token-type:jwt' },
          requested_token_type: {
            enum: ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:access_token'],
          },
          ...wanted,
        },
        required: ['grant_type', 'subject_token', 'subject_token_type'],
      },
      {
        title: 'Client credentials (RFC 6749 §4.4) with an assertion (RFC 7523)',
        type: 'object',
        properties: { grant_type: { const: 'client_credentials' }, ...assertion, ...wanted },
        required: ['grant_type', 'client_assertion_type', 'client_assertion'],
      },
    ],
  },
  introspect: requestAbout('The token to introspect.'),
  revoke: requestAbout('The token to revoke.'),
}

function requestAbout(description: string): Json {
  return {
    type: 'object',
    properties: { token: { ...token, description }, token_type_hint: text, ...assertion },
    required: ['token'],
  }
}

const operations: Readonly<Record<FormEndpointName, { summary: string; answer: string; schema?: SchemaName }>> = {
  token: { summary: 'Exchange a ServiceAccount token for a Signet token', answer: 'The token.', schema: 'Token' },
  introspect: {
    summary: 'Introspect a token (RFC 7662)',
    answer: 'The claims of a live token that is meant for the caller; otherwise `active` is false.',
    schema: 'Introspection',
  },
  revoke: { summary: 'Revoke a token (RFC 7009)', answer: 'The token is revoked, or was invalid.' },
}

/** The paths of form endpoints, below the path of the issuer. */
export function formPaths(base: string, served: readonly FormEndpointName[]): Json {
  const paths = served.map((name): [string, Json] => {
    const { summary, answer, schema } = operations[name]
    const content = schema === undefined ? {} : { content: { 'application/json': { schema: schemaOf(schema) } } }
    const post = {
      tags: ['oauth'],
      summary,
      ...(name === 'token' ? {} : { security: [{ token: [] }, {}] }),
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: requests[name] } },
      },
      responses: { 200: { description: answer, headers: noStore, ...content }, ...refusals(name) },
    }
    return [`${base}/${name}`, { post }]
  })
  return Object.fromEntries(paths)
}

export const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A ServiceAccount token for this issuer, or a Signet token.',
  },
} as const satisfies Record<string, Json>
