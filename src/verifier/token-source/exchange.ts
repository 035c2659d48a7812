import { isRecord, parseStrictJson } from '../../json.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { type HttpAnswer, longestRetryAfter } from '../http/http-client.ts'
import { parseRetryAfter } from '../../time/retry-after.ts'
import { TokenSourceError } from './token-source-error.ts'

/** The parameters of a token exchange. */
export interface ExchangeRequest {
  /** The audience of the requested token. */
  readonly audience: string
  /** Space-separated scopes (RFC 6749 §3.3), as permitted by the installation. */
  readonly scope?: string | undefined
}

export interface ExchangedAnswer {
  readonly token: string
  /** Milliseconds from the response to the token's expiry. */
  readonly lifetimeMs: number
}

const jwtType = 'urn:ietf:params:oauth:token-type:jwt'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
const mostLifetimeMs = 24 * 3_600_000

/** The request body of a token exchange (RFC 8693 §2.1). */
export function exchangeForm(subjectToken: string, { audience, scope }: ExchangeRequest): string {
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: jwtType,
    audience,
    ...(scope === undefined ? {} : { scope }),
  }).toString()
}

/**
 * Parses the response of a token exchange (RFC 8693 §2.2.1). Checks the token as far as possible without its key: a
 * bearer token, and a JWT of the issuer for the requested audience. Throws a TokenSourceError.
 */
export function parseExchange(answer: HttpAnswer, issuer: string, audience: string, now: number): ExchangedAnswer {
  const { status, headers, body } = answer
  if (status !== 200) throw refusal(answer, parseRetryAfter(headers['retry-after'], now, longestRetryAfter))
  const value = parseStrictJson(body.toString())
  if (!isRecord(value)) throw wrong('is not a JSON object')
  const { access_token: token, token_type: type, issued_token_type: issued, expires_in: seconds } = value
  if (typeof token !== 'string' || typeof type !== 'string' || type.toLowerCase() !== 'bearer') {
    throw wrong('has no bearer token')
  }
  if (issued !== jwtType && issued !== accessTokenType) throw wrong('has an unexpected issued_token_type')
  if (typeof seconds !== 'number' || !(seconds > 0)) throw wrong('has no valid expires_in')
  const { iss, aud } = claimsOf(token)
  if (iss !== issuer) throw wrong('has a token of another issuer')
  if (aud !== audience && !(Array.isArray(aud) && aud.length === 1 && aud[0] === audience)) {
    throw wrong('has a token for another audience')
  }
  return { token, lifetimeMs: Math.min(mostLifetimeMs, seconds * 1000) }
}

function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return decodeToken(token).claims
  } catch {
    throw wrong('has a malformed token')
  }
}

function refusal({ status, body }: HttpAnswer, retryAfterMs: number | undefined): TokenSourceError {
  if (status === 429 || status >= 500) {
    return new TokenSourceError('ERR_TOKEN_SOURCE_UNAVAILABLE', `the token endpoint responded with status ${status}`, {
      retryAfterMs,
    })
  }
  const value = parseStrictJson(body.toString())
  const code = isRecord(value) ? value.error : undefined
  // The error_description is omitted, because it may quote the request.
  const error = typeof code === 'string' && /^[a-z_]{1,64}$/.test(code) ? code : undefined
  const word = error === undefined ? '' : `: ${error}`
  return new TokenSourceError('ERR_TOKEN_SOURCE_REFUSED', `the token endpoint responded with status ${status}${word}`, {
    error,
  })
}

function wrong(what: string): TokenSourceError {
  return new TokenSourceError('ERR_TOKEN_SOURCE_ANSWER', `the response of the token endpoint ${what}`)
}
