import type { IncomingMessage } from 'node:http'
import { TokenError } from '../../tokens/verify.ts'
import { type Caller, callerOfToken } from './caller.ts'
import type { Verifier } from '../verification/verifier.ts'
import { VerifierUnavailableError } from '../sources/verifier-unavailable-error.ts'

/** An answer that says nothing of why: that is for the log. */
export interface Refusal {
  readonly status: 401 | 503
  readonly headers: Readonly<Record<string, string>>
  /** `ERR_TOKEN_…`, `ERR_VERIFIER_UNAVAILABLE`, or `ERR_TOKEN_MISSING`: for log and metrics. */
  readonly code: string
}

export type Authentication = { readonly caller: Caller } | { readonly refusal: Refusal }

export interface ChallengeOptions {
  /** Shown in `WWW-Authenticate` (RFC 9110 §11.5): printable ASCII without quotes and backslashes. */
  readonly realm?: string | undefined
}

/** RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1). */
const bearer = /^bearer +(\S+)$/i

/**
 * Who sends a request, by the one token in its one `Authorization` header: none in a query or a body is looked at. 401
 * where the token is not good, 503 where that cannot be told. Rejects only with what is neither: a defect.
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

/** A TypeError for a realm that would break out of its quotes. */
export function checkRealm(realm: string | undefined): void {
  if (realm !== undefined && !/^[\x20\x21\x23-\x5b\x5d-\x7e]{0,128}$/.test(realm)) {
    throw new TypeError('realm is not plain printable ASCII')
  }
}

/** Undefined for none, and for more than one header: who reads the other would see another caller. */
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

/** RFC 6750 §3: without a token no error is named. */
function challenge(realm: string | undefined, error?: string): string {
  const parameters = [realm === undefined ? undefined : `realm="${realm}"`, error].filter((one) => one !== undefined)
  return ['Bearer', parameters.join(', ')].filter((one) => one !== '').join(' ')
}

function unauthorized(code: string, authenticate: string): Refusal {
  return { status: 401, headers: { 'WWW-Authenticate': authenticate, 'Cache-Control': 'no-store' }, code }
}
