import { isRecord } from '../json.ts'

/** The forms of tokens: a SPIFFE JWT-SVID, or an OAuth 2.0 access token (RFC 9068). */
export const profiles = ['JWT-SVID', 'AccessToken'] as const

export type Profile = (typeof profiles)[number]

/** The `typ` header of each form (JWT-SVID §2.3, RFC 9068 §2.1). */
export const tokenTypes: Readonly<Record<Profile, string>> = { 'JWT-SVID': 'JWT', AccessToken: 'at+jwt' }

type ClaimValue = string | number | boolean | readonly string[]

/** The claims of a token (RFC 7519 §4.1, RFC 9068 §2.2). Times in seconds since the epoch. */
export interface TokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly iat: number
  readonly nbf?: number
  readonly exp: number
  readonly jti: string
  readonly client_id?: string
  readonly scope?: string
  readonly [name: string]: unknown
}

/** Claims that identify issuer, subject, audience and time; a spec cannot set them. */
export const reservedClaims: readonly string[] = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'client_id',
  'scope',
  'cnf',
  'act',
  'may_act',
  'sid',
  'azp',
  'auth_time',
]

/** The largest size of a token's extra claims as JSON, in bytes. */
export const maxExtraClaimsBytes = 4096

/** Whether the value is permitted for an extra claim: a string, a finite number, a boolean or a list of strings. */
export function isAllowedClaimValue(value: unknown): value is ClaimValue {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'boolean') return true
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item.isWellFormed())
}

/** The names of permitted extra claims. `any` must be explicit, so that a list missing by mistake permits nothing. */
type AllowedClaims = readonly string[] | 'any'

/**
 * Why a claim cannot be added to a token, with the remedy; undefined if it can. `allowed` lists the names that the
 * installation permits; `any` permits every name that is not reserved.
 */
export function claimProblem(name: string, value: unknown, allowed: AllowedClaims): string | undefined {
  const claim = `claim ${quoteClaim(name)}`
  if (reservedClaims.includes(name) || name === '__proto__') return `${claim} is reserved: remove it`
  if (allowed !== 'any' && !allowed.includes(name)) {
    return `${claim} is not allowed here: add it to the chart's allowedClaims`
  }
  if (isAllowedClaimValue(value)) return undefined
  return `${claim} is ${kindOf(value)}: use a string, number, boolean or list of strings`
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list of other values than well-formed strings'
  return typeof value === 'object' ? 'an object' : `not a well-formed ${typeof value}`
}

/** A claim's name as a JSON string, truncated to 63 characters. */
export function quoteClaim(name: string): string {
  return JSON.stringify(name.length > 63 ? `${name.slice(0, 62)}…` : name)
}

/** A problem with one extra claim, or without `claim` with all of them together. */
interface ClaimProblem {
  readonly claim?: string
  readonly message: string
}

/** The first problem with extra claims; undefined if there is none. For `allowed` see `claimProblem`. */
export function extraClaimsProblem(claims: unknown, allowed: AllowedClaims = 'any'): ClaimProblem | undefined {
  if (!isRecord(claims)) return { message: 'claims are not an object' }
  for (const [claim, value] of Object.entries(claims)) {
    const message = claimProblem(claim, value, allowed)
    if (message !== undefined) return { claim, message }
  }
  if (Buffer.byteLength(JSON.stringify(claims)) > maxExtraClaimsBytes) {
    return { message: `claims have more than ${maxExtraClaimsBytes} bytes as JSON` }
  }
  return undefined
}

export interface ClaimsInput {
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  /** In milliseconds since the epoch; rounded down to seconds in the token. */
  readonly issuedAt: number
  /** In milliseconds; rounded down to seconds in the token. */
  readonly lifetimeMs: number
  /** The `jti`; see `newTokenID`. */
  readonly tokenID: string
  readonly profile: Profile
  /** Extra claims with fixed values, as permitted by `extraClaimsProblem`. */
  readonly extras?: Readonly<Record<string, unknown>> | undefined
  /** Space-separated scopes of an access token (RFC 9068 §2.2.3). */
  readonly scope?: string | undefined
}

/**
 * The claims of a token to be minted, in fixed order with the extras last. The caller must have derived all other
 * values itself. Throws a TypeError for extras that are not permitted, and for a scope outside an access token.
 */
export function buildClaims(input: ClaimsInput): TokenClaims {
  const { issuer, subject, audience, issuedAt, lifetimeMs, tokenID, profile, extras = {}, scope } = input
  const problem = extraClaimsProblem(extras)
  if (problem !== undefined) throw new TypeError(problem.message)
  if (scope !== undefined && profile !== 'AccessToken') throw new TypeError('only access tokens have a scope')
  const iat = Math.floor(issuedAt / 1000)
  return {
    iss: issuer,
    sub: subject,
    aud: audience,
    iat,
    nbf: iat,
    exp: iat + Math.floor(lifetimeMs / 1000),
    jti: tokenID,
    // RFC 9068 §2.2: the client is the workload itself.
    ...(profile === 'AccessToken' ? { client_id: subject } : {}),
    ...(scope === undefined ? {} : { scope }),
    ...extras,
  }
}
