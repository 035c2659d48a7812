import type { OutgoingHttpHeaders } from 'node:http'
import type { FormAnswer } from './form-endpoint.ts'
import { OAuthError } from './oauth-error.ts'

/** Nothing that a form endpoint says is ever kept (RFC 6749 §5.1, RFC 7662 §2.2). */
const noStore = { 'Cache-Control': 'no-store', Pragma: 'no-cache' } as const
const json = { ...noStore, 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' } as const

/** All headers of an answer but its length. */
export function headersOf({ body, headers }: FormAnswer): OutgoingHttpHeaders {
  const standard = body === '' ? noStore : json
  return headers === undefined ? standard : { ...standard, ...headers }
}

/** The characters of an `error_description` (RFC 6749 §5.2). */
const indescribable = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g

/**
 * The answer to a request that is refused (RFC 6749 §5.2). A 401 says how to authenticate (RFC 9110 §15.5.2). What is no
 * OAuthError is a 500 that says nothing of it.
 */
export function refusal(error: unknown, realm: string): FormAnswer {
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

/** A refusal for reasons of HTTP, in the same form. */
export function httpRefusal(status: number, description: string, headers: OutgoingHttpHeaders = {}): FormAnswer {
  return { status, body: JSON.stringify({ error: 'invalid_request', error_description: description }), headers }
}
