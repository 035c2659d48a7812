import type { OutgoingHttpHeaders } from 'node:http'
import type { FormResponse } from './form-endpoint.ts'
import { OAuthError } from './oauth-error.ts'

/** Responses of form endpoints must not be cached (RFC 6749 §5.1, RFC 7662 §2.2). */
const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const
const json = { ...noStore, 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' } as const

/** All headers of a response except Content-Length. */
export function headersOf({ body, headers }: FormResponse): OutgoingHttpHeaders {
  const standard = body === '' ? noStore : json
  return headers === undefined ? standard : { ...standard, ...headers }
}

/** Characters that an `error_description` must not contain (RFC 6749 §5.2). */
const indescribable = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g

/**
 * The error response of RFC 6749 §5.2. A 401 names the authentication scheme (RFC 9110 §15.5.2). Any error other than an
 * OAuthError becomes a 500 without detail.
 */
export function errorResponse(error: unknown, realm: string): FormResponse {
  if (!(error instanceof OAuthError)) return { status: 500, body: '{"error":"server_error"}' }
  const { status, retryAfter } = error
  return {
    status,
    body: JSON.stringify({ error: error.error, error_description: error.description.replace(indescribable, "'") }),
    headers: {
      ...(status === 401 ? { 'WWW-Authenticate': `Bearer realm="${realm}", error="invalid_token"` } : {}),
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
    },
  }
}

/** The error response to a request that HTTP rules out: wrong method, content type, encoding or size. */
export function httpErrorResponse(
  status: number,
  description: string,
  headers: OutgoingHttpHeaders = {},
): FormResponse {
  return { status, body: JSON.stringify({ error: 'invalid_request', error_description: description }), headers }
}
