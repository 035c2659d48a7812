import { clockTolerance } from '../time/clock-tolerance.ts'
import { DAY, HOUR } from '../time/duration.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import type { Profile, TokenClaims } from './claims.ts'
import { TokenError } from './token-error.ts'

/** The expected claims of a token. */
export interface ClaimExpectations {
  /** The accepted `iss`, compared byte by byte. */
  readonly issuer: string
  /** The audience that the token must name; explicitly undefined to skip the check. */
  readonly audience: string | undefined
  /** In milliseconds since the epoch. */
  readonly now: number
  /** Tolerated clock difference in milliseconds, at most 60 s. Default: 60 s. */
  readonly skewMs?: number | undefined
  /** The longest accepted lifetime (`exp − iat`) in milliseconds. Default: 24 h. */
  readonly maxLifetimeMs?: number | undefined
  /** The expected form of `typ` and claims. Default: any profile. */
  readonly profile?: Profile | undefined
}

export const defaultMaxLifetimeMs = DAY
/**
 * The longest lifetime of a token whose key is bound to no subject, in milliseconds: a stolen key could sign for
 * anyone.
 */
export const maxUnboundLifetimeMs = HOUR

/** The longest accepted text of a claim, in characters. */
const maxLength = 2048
const maxAudiences = 16

/**
 * Checks the claims of a token whose signature was verified: first their types, then their values. Throws a TokenError
 * that names the claim, and a TypeError for a `skewMs` out of range.
 */
export function checkClaims(claims: Readonly<Record<string, unknown>>, expected: ClaimExpectations): TokenClaims {
  const { issuer, audience, now, skewMs = clockTolerance, maxLifetimeMs = defaultMaxLifetimeMs, profile } = expected
  if (!(skewMs >= 0 && skewMs <= clockTolerance))
    throw new TypeError(`skew of ${skewMs} ms is not between 0 and ${clockTolerance}`)
  const iss = text(claims, 'iss')
  const sub = text(claims, 'sub')
  text(claims, 'jti')
  const iat = time(claims, 'iat')
  const exp = time(claims, 'exp')
  const nbf = claims.nbf === undefined ? undefined : time(claims, 'nbf')
  const audiences = audienceList(claims.aud)
  if (iss !== issuer) throw new TokenError('ERR_TOKEN_ISSUER', 'token is from another issuer', { claim: 'iss' })
  if (audience !== undefined && !audiences.includes(audience)) {
    throw new TokenError('ERR_TOKEN_AUDIENCE', 'token is for another audience', { claim: 'aud' })
  }
  const seconds = (now - skewMs) / 1000
  if (exp <= seconds) throw new TokenError('ERR_TOKEN_EXPIRED', 'token has expired', { claim: 'exp' })
  const latest = (now + skewMs) / 1000
  if (iat > latest) throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token was issued in the future', { claim: 'iat' })
  if (nbf !== undefined && nbf > latest) {
    throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token is not valid yet', { claim: 'nbf' })
  }
  if (exp <= iat || (exp - iat) * 1000 > maxLifetimeMs) {
    throw new TokenError('ERR_TOKEN_LIFETIME', 'token lifetime is not accepted', { claim: 'exp' })
  }
  if (profile === 'JWT-SVID') {
    // JWT-SVID §3: the subject is a SPIFFE ID. Signet mints tokens with one audience only.
    if (parseSpiffeId(sub) === undefined) throw wrong('sub', 'is not a SPIFFE ID')
    if (audiences.length !== 1) throw wrong('aud', 'does not name exactly one audience')
  }
  if (profile === 'AccessToken' || claims.client_id !== undefined) text(claims, 'client_id')
  if (claims.scope !== undefined && typeof claims.scope !== 'string') throw wrong('scope', 'is not a string')
  // The checks above cover every member of the type.
  return claims as TokenClaims
}

function text(claims: Readonly<Record<string, unknown>>, claim: string): string {
  const value = claims[claim]
  if (typeof value !== 'string' || value === '' || value.length > maxLength || !value.isWellFormed()) {
    throw wrong(claim, 'is missing or not a valid string')
  }
  return value
}

/** In seconds since the epoch (RFC 7519 §2, NumericDate). */
function time(claims: Readonly<Record<string, unknown>>, claim: string): number {
  const value = claims[claim]
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000)) {
    throw wrong(claim, 'is missing or not a NumericDate')
  }
  return value
}

function audienceList(aud: unknown): readonly string[] {
  const list: unknown = typeof aud === 'string' ? [aud] : aud
  const usable = Array.isArray(list) && list.length > 0 && list.length <= maxAudiences
  if (!usable || !list.every((item) => typeof item === 'string' && item !== '' && item.length <= maxLength)) {
    throw wrong('aud', 'is missing or not a list of strings')
  }
  return list as readonly string[]
}

function wrong(claim: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CLAIM', `claim ${claim} ${what}`, { claim })
}
