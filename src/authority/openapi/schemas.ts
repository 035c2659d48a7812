import { algorithms } from '../../keys/algorithm.ts'
import type { OAuthErrorCode } from '../oauth/oauth-error.ts'

/** A part of the OpenAPI description. */
export type Json = Readonly<Record<string, unknown>>

const text = { type: 'string', minLength: 1 }
const url = { type: 'string', format: 'uri', pattern: '^https://' }
const texts = { type: 'array', items: text, minItems: 1, uniqueItems: true }
const seconds = { type: 'integer', minimum: 0 }
const base64url = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' }
const spiffeID = { type: 'string', pattern: '^spiffe://[a-z0-9._-]+/ns/[^/]+/sa/[^/]+$' }

/** An object with these members only, so that tests fail on any other member. */
function object(properties: Json, required: readonly string[]): Json {
  return { type: 'object', properties, required, additionalProperties: false }
}

const jwk = {
  kty: { enum: ['EC', 'RSA', 'OKP'] },
  crv: { enum: ['P-256', 'P-384', 'Ed25519'] },
  x: base64url,
  y: base64url,
  n: base64url,
  e: base64url,
  kid: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'RFC 7638 thumbprint.' },
}

const metadata = {
  issuer: url,
  jwks_uri: url,
  token_endpoint: url,
  introspection_endpoint: url,
  revocation_endpoint: url,
  response_types_supported: texts,
  grant_types_supported: texts,
  token_endpoint_auth_methods_supported: texts,
  token_endpoint_auth_signing_alg_values_supported: texts,
  introspection_endpoint_auth_methods_supported: texts,
  introspection_endpoint_auth_signing_alg_values_supported: texts,
  revocation_endpoint_auth_methods_supported: texts,
  revocation_endpoint_auth_signing_alg_values_supported: texts,
}
const required = ['issuer', 'jwks_uri', 'response_types_supported']

/** The schemas of response bodies. */
export const schemas = {
  Jwks: object(
    {
      keys: {
        type: 'array',
        items: object(
          {
            ...jwk,
            alg: { enum: [...algorithms] },
            use: { const: 'sig' },
            sub: { ...spiffeID, description: 'The only subject that the key may sign for; absent for an issuing key.' },
          },
          ['kty', 'kid', 'alg', 'use'],
        ),
      },
    },
    ['keys'],
  ),
  OpenIdConfiguration: object(
    {
      ...metadata,
      subject_types_supported: { const: ['public'] },
      id_token_signing_alg_values_supported: { type: 'array', items: { enum: [...algorithms] }, minItems: 1 },
      claims_supported: texts,
    },
    [...required, 'subject_types_supported', 'id_token_signing_alg_values_supported'],
  ),
  AuthorizationServerMetadata: object(metadata, required),
  SpiffeBundle: object(
    {
      keys: { type: 'array', items: object({ ...jwk, use: { const: 'jwt-svid' } }, ['kty', 'kid', 'use']) },
      spiffe_sequence: seconds,
      spiffe_refresh_hint: seconds,
    },
    ['keys', 'spiffe_sequence', 'spiffe_refresh_hint'],
  ),
  Revocations: object(
    {
      issuer: url,
      revocations: {
        type: 'array',
        items: {
          ...object({ sub: spiffeID, jti: text, kid: text, issued_before: seconds, exp: seconds }, ['sub', 'exp']),
          oneOf: [{ required: ['jti'] }, { required: ['kid'] }, { required: ['issued_before'] }],
        },
      },
    },
    ['issuer', 'revocations'],
  ),
  Token: object(
    {
      access_token: { type: 'string', pattern: String.raw`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$` },
      issued_token_type: { type: 'string', pattern: '^urn:ietf:params:oauth:token-type:(jwt|access_token)$' },
      token_type: { enum: ['Bearer', 'N_A'] },
      expires_in: { type: 'integer', minimum: 1, maximum: 3600 },
      scope: text,
    },
    ['access_token', 'token_type', 'expires_in'],
  ),
  Introspection: {
    oneOf: [
      object({ active: { const: false } }, ['active']),
      object(
        {
          active: { const: true },
          iss: url,
          sub: spiffeID,
          aud: { oneOf: [text, texts] },
          exp: seconds,
          iat: seconds,
          nbf: seconds,
          jti: text,
          client_id: text,
          scope: text,
          token_type: { const: 'Bearer' },
        },
        ['active', 'iss', 'sub', 'aud', 'exp', 'iat', 'jti'],
      ),
    ],
  },
} as const satisfies Record<string, Json>

export type SchemaName = keyof typeof schemas

export function schemaOf(name: SchemaName): Json {
  return { $ref: `#/components/schemas/${name}` }
}

/** The body of a response with one of these errors (RFC 6749 §5.2). */
export function errorSchema(errors: readonly OAuthErrorCode[]): Json {
  const error_description = { type: 'string', pattern: String.raw`^[\x20\x21\x23-\x5b\x5d-\x7e]*$` }
  return object({ error: { enum: errors }, error_description }, ['error'])
}
