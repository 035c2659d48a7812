import type { OAuthErrorCode } from '../oauth/oauth-error.ts'
import { errorSchema, type Json, schemaOf, type SchemaName } from './schemas.ts'

/** The endpoints that take forms. */
export const formNames = ['token', 'introspect', 'revoke'] as const
export type FormName = (typeof formNames)[number]

const header = (description: string, pattern: string): Json => ({
  description,
  required: true,
  schema: { type: 'string', pattern },
})
const noStore = { 'Cache-Control': header('Never kept (RFC 6749 §5.1).', '^no-store$') }
const retryAfter = { 'Retry-After': header('Whole seconds after which to ask again.', '^[0-9]+$') }

/** An answer with one of these errors (RFC 6749 §5.2), and no other. */
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

/** What every form endpoint may refuse. */
export const formResponses = {
  Unauthorized: refused('Who asks has not been proved.', ['invalid_client'], {
    'WWW-Authenticate': header('How to prove it (RFC 6750 §3).', '^Bearer '),
  }),
  UsePost: refused('Forms are sent with POST.', ['invalid_request'], {
    Allow: header('The methods of this path.', '^POST$'),
  }),
  TooLarge: refused('The body has more than 16 KiB.', ['invalid_request']),
  NotAForm: refused('The body is no application/x-www-form-urlencoded, or compressed.', ['invalid_request']),
  TooMany: refused('More requests than one caller may make.', ['temporarily_unavailable'], retryAfter),
  Unavailable: refused(
    'It cannot be decided now: nothing is allowed by it, and nothing denied.',
    ['temporarily_unavailable'],
    retryAfter,
  ),
} as const satisfies Record<string, Json>

const response = (name: keyof typeof formResponses): Json => ({ $ref: `#/components/responses/${name}` })

/** What each of them may refuse about the request itself. */
const badRequests: Readonly<Record<FormName, Json>> = {
  token: refused('The request is refused: RFC 6749 §5.2, RFC 8693 §2.2.2.', [
    'invalid_request',
    'invalid_scope',
    'invalid_target',
    'unsupported_grant_type',
  ]),
  introspect: refused('The request is refused: RFC 7662 §2.3.', ['invalid_request']),
  revoke: refused("The request is refused, or the token is another's: RFC 7009 §2.2.1.", [
    'invalid_request',
    'unauthorized_client',
  ]),
}

const refusals = (name: FormName): Json => ({
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
  audience: { ...text, description: 'Whom the token is for; one.' },
  resource: { ...text, description: 'The same as a URI (RFC 8707).' },
  scope: { ...text, description: 'Names with spaces between them.' },
}

const requests: Readonly<Record<FormName, Json>> = {
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
  introspect: questionAbout('The token that is asked about.'),
  revoke: questionAbout('The token that is to be refused from now on.'),
}

function questionAbout(description: string): Json {
  return {
    type: 'object',
    properties: { token: { ...token, description }, token_type_hint: text, ...assertion },
    required: ['token'],
  }
}

const operations: Readonly<Record<FormName, { summary: string; answer: string; schema?: SchemaName }>> = {
  token: { summary: 'Exchange a ServiceAccount token for a token of Signet', answer: 'The token.', schema: 'Token' },
  introspect: {
    summary: 'Ask whether a token is live (RFC 7662)',
    answer: 'What a token says that is live and meant for the caller; else that it is not active.',
    schema: 'Introspection',
  },
  revoke: { summary: 'Revoke a token (RFC 7009)', answer: 'It is revoked, or was no live token.' },
}

/** What is asked with a form, below the path of the issuer. */
export function formPaths(base: string, served: readonly FormName[]): Json {
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
    description: 'A ServiceAccount token for this issuer, or a token of Signet.',
  },
} as const satisfies Record<string, Json>
