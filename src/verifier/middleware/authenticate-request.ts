import type { IncomingMessage } from 'node:http'
import { TokenError } from '../../tokens/token-error.ts'
import { type Caller, callerOfToken } from './caller.ts'
import type { Verifier } from '../verification/verifier.ts'
import { VerifierUnavailableError } from '../sources/verifier-unavailable-error.ts'

/** The response for an unauthenticated request. It does not reveal the reason, which is in `code`. */
export interface Refusal {
  readonly status: 401 | 503
  readonly headers: Readonly<Record<string, string>>
  /** For logs and metrics: an `ERR_TOKEN_…` code, `ERR_TOKEN_MISSING` or `ERR_VERIFIER_UNAVAILABLE`. */
  readonly code: string
}

/** The caller of a request, or the response that refuses it. */
export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal }

/** The content of `WWW-Authenticate` in a 401 response. */
export interface ChallengeOptions {
  /**
   * The realm in `WWW-Authenticate` (RFC 9110 §11.5): at most 128 printable ASCII characters without quotes and
   * backslashes.
   */
  readonly realm?: string | undefined
}

/** RFC 6750 §2.1. The scheme is case-insensitive (RFC 9110 §11.1). */
const bearer = /^bearer +(\S+)$/i

/**
 * Authenticates a request by its bearer token (RFC 6750 §2.1). Only a single `Authorization` header is accepted; tokens
 * in the query or body are ignored. A missing or refused token gives 401, and unavailable keys or revocations give 503
 * with `Retry-After`. Rejects only with unexpected errors.
 *
 * @example
 * ```ts
 * const result = await authenticateRequest(verifier, request)
 * if ('refusal' in result) response.writeHead(result.refusal.status, result.refusal.headers).end()
 * else handle(result.caller)
 * ```
 */
export async function authenticateRequest(
  verifier: Pick<Verifier, 'cached' | 'verify'>,
  request: Pick<IncomingMessage, 'headers' | 'rawHeaders'>,
  { realm }: ChallengeOptions = {},
): Promise<Authentication> {
  const token = tokenOf(request)
  if (token === undefined) return { refusal: unauthorized('ERR_TOKEN_MISSING', challenge(realm)) }
  try {
    return { caller: callerOfToken(verifier.cached(token) ?? (await verifier.verify(token))) }
  } catch (error) {
    if (error instanceof TokenError) {
      return { refusal: unauthorized(error.code, challenge(realm, 'error="invalid_token"')) }
    }
    if (!(error instanceof VerifierUnavailableError)) throw error
    const headers = { 'Retry-After': String(error.retryAfter), 'Cache-Control': 'no-store' }
    return { refusal: { status: 503, headers, code: error.code } }
  }
}

/** Throws a TypeError for a realm that would need quoting. */
export function checkRealm(realm: string | undefined): void {
  if (realm !== undefined && !/^[\x20\x21\x23-\x5b\x5d-\x7e]{0,128}$/.test(realm)) {
    throw new TypeError('realm is not plain printable ASCII')
  }
}

/** Undefined for several headers as well: another reader of the request might pick the other token. */
function tokenOf({ headers, rawHeaders }: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  const { authorization } = headers
  if (authorization === undefined) return undefined
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    if (name.length === 13 && name.toLowerCase() === 'authorization') seen += 1
  }
  if (seen > 1) return undefined
  return authorization.startsWith('Bearer ') && authorization.charCodeAt(7) !== 32
    ? authorization.slice(7)
    : bearer.exec(authorization)?.[1]
}

/** RFC 6750 §3: a request without a token gets no error code. */
function challenge(realm: string | undefined, error?: string): string {
  const parameters = [realm === undefined ? undefined : `realm="${realm}"`, error].filter((one) => one !== undefined)
  return ['Bearer', parameters.join(', ')].filter((one) => one !== '').join(' ')
}

function unauthorized(code: string, authenticate: string): Refusal {
  return { status: 401, headers: { 'WWW-Authenticate': authenticate, 'Cache-Control': 'no-store' }, code }
}
