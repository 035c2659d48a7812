import { clockTolerance } from '../time/clock-tolerance.ts'
import { DAY, HOUR } from '../time/duration.ts'
import { parseSpiffeId } from '../identity/spiffe-id.ts'
import type { Profile, TokenClaims } from './claims.ts'
import { TokenError } from './token-error.ts'

/** What the claims of a token have to say. */
export interface ClaimExpectations {
  /** The only `iss` that is accepted, compared byte by byte. */
  readonly issuer: string
  /** The audience that has to be among the token's; undefined, to be written out, where it is not to be checked. */
  readonly audience: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** How far clocks may differ, in milliseconds: 60 s at most, which is also the default. */
  readonly skewMs?: number | undefined
  /** Longest lifetime (`exp − iat`) that is accepted, in milliseconds; 24 h by default. */
  readonly maxLifetimeMs?: number | undefined
  /** The form the token has to have, `typ` and claims; undefined accepts each of ours. */
  readonly profile?: Profile | undefined
}

export const defaultMaxLifetimeMs = DAY
/** Longest lifetime of a token whose key is bound to no subject: who has that key can sign for anybody. */
export const maxUnboundLifetimeMs = HOUR

/** Longest texts that are accepted as claims that name someone or something. */
const maxLength = 2048
const maxAudiences = 16

/**
 * Judges the claims of a token whose signature has been verified: first the type of each, then what it says. Throws
 * TokenError with the claim's name, and a TypeError for a skew of more than a minute.
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
  if (iat > latest) throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token is from the future', { claim: 'iat' })
  if (nbf !== undefined && nbf > latest) {
    throw new TokenError('ERR_TOKEN_NOT_YET_VALID', 'token is not valid yet', { claim: 'nbf' })
  }
  if (exp <= iat || (exp - iat) * 1000 > maxLifetimeMs) {
    throw new TokenError('ERR_TOKEN_LIFETIME', 'token has a lifetime that is not accepted', { claim: 'exp' })
  }
  if (profile === 'JWT-SVID') {
    // JWT-SVID §3: the subject is a SPIFFE ID, and one audience is what we mint.
    if (parseSpiffeId(sub) === undefined) throw wrong('sub', 'is not a SPIFFE ID')
    if (audiences.length !== 1) throw wrong('aud', 'does not name one audience')
  }
  if (profile === 'AccessToken' || claims.client_id !== undefined) text(claims, 'client_id')
  if (claims.scope !== undefined && typeof claims.scope !== 'string') throw wrong('scope', 'is not a string')
  // Every member that the type promises has been checked above.
  return claims as TokenClaims
}

function text(claims: Readonly<Record<string, unknown>>, claim: string): string {
  const value = claims[claim]
  if (typeof value !== 'string' || value === '' || value.length > maxLength || !value.isWellFormed()) {
    throw wrong(claim, 'is missing or not a usable text')
  }
  return value
}

/** Seconds since the epoch (RFC 7519 §2, NumericDate). */
function time(claims: Readonly<Record<string, unknown>>, claim: string): number {
  const value = claims[claim]
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER / 1000)) {
    throw wrong(claim, 'is missing or not a time')
  }
  return value
}

function audienceList(aud: unknown): readonly string[] {
  const list: unknown = typeof aud === 'string' ? [aud] : aud
  const usable = Array.isArray(list) && list.length > 0 && list.length <= maxAudiences
  if (!usable || !list.every((item) => typeof item === 'string' && item !== '' && item.length <= maxLength)) {
    throw wrong('aud', 'is missing or not a list of texts')
  }
  return list as readonly string[]
}

function wrong(claim: string, what: string): TokenError {
  return new TokenError('ERR_TOKEN_CLAIM', `claim ${claim} ${what}`, { claim })
}
