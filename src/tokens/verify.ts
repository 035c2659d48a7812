import { type Algorithm, algorithms as everyAlgorithm, isAlgorithm } from '../keys/algorithm.ts'
import { keyIDForm, type PublicJwk } from '../keys/public-jwk.ts'
import { verifySignature } from '../keys/verify-signature.ts'
import { checkClaims, type ClaimExpectations, defaultMaxLifetimeMs, maxUnboundLifetimeMs } from './check-claims.ts'
import type { Profile, TokenClaims } from './claims.ts'
import { type CompactToken, parseCompact } from './compact.ts'
import { TokenError } from './token-error.ts'

/** The header of a token (JWT-SVID §2). Any other parameter is refused. */
export interface TokenHeader {
  readonly alg: Algorithm
  readonly kid: string
  readonly typ?: string
}

/** A token whose signature and claims were verified. `keyID` is the `kid` of the header. */
export interface VerifiedToken {
  readonly header: TokenHeader
  readonly keyID: string
  readonly claims: TokenClaims
}

/**
 * The key of a `kid`; undefined if unknown. Must return the same object for the same key, so that it is imported once.
 */
type KeyResolver = (kid: string) => PublicJwk | undefined | Promise<PublicJwk | undefined>
export type SyncKeyResolver = (kid: string) => PublicJwk | undefined

export interface VerifyOptions<Keys extends KeyResolver = KeyResolver> extends ClaimExpectations {
  readonly keys: Keys
  /** The accepted algorithms. Default: all that Signet signs with. */
  readonly algorithms?: readonly Algorithm[] | undefined
  /** Replaces `verifySignature`, for a caller that already knows the result. */
  readonly signatureHolds?: typeof verifySignature | undefined
}

/**
 * Verifies a token: form, header, signature by the key of its `kid`, that the key may sign for the subject, and claims.
 * Throws a TokenError. The caller must check revocation and policy. A key that is bound to no subject can only sign
 * tokens with a lifetime of up to an hour, whatever the options.
 *
 * An ECDSA signature (r, s) has a twin (r, n − s) that verifies too, so a token has several spellings. Never key a
 * cache, a replay check or a revocation by the token's text or its hash: use `jti`.
 */
export async function verifyToken(token: string, options: VerifyOptions): Promise<VerifiedToken> {
  const parsed = parseToken(token, options)
  return judge(parsed, await options.keys(parsed.header.kid), options)
}

/** `verifyToken` for keys in memory, without yielding to the event loop. */
export function verifyTokenSync(token: string, options: VerifyOptions<SyncKeyResolver>): VerifiedToken {
  const parsed = parseToken(token, options)
  return judge(parsed, options.keys(parsed.header.kid), options)
}

interface ParsedToken {
  readonly header: TokenHeader
  readonly compact: CompactToken
}

function parseToken(token: string, { algorithms = everyAlgorithm }: VerifyOptions): ParsedToken {
  const compact = parseCompact(token)
  return { header: checkHeader(compact.header, algorithms), compact }
}

const parameters = new Set(['alg', 'kid', 'typ'])

function checkHeader(header: Readonly<Record<string, unknown>>, algorithms: readonly Algorithm[]): TokenHeader {
  // Refuses crit, jwk, jku, x5u, x5c, b64 and zip among others.
  if (!Object.keys(header).every((name) => parameters.has(name))) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has a parameter besides alg, kid and typ')
  }
  const { alg, kid, typ } = header
  if (typeof kid !== 'string' || !keyIDForm.test(kid)) {
    throw new TokenError('ERR_TOKEN_HEADER', 'header has no valid kid')
  }
  if (!isAlgorithm(alg) || !algorithms.includes(alg)) {
    throw new TokenError('ERR_TOKEN_ALGORITHM', 'header has an alg that is not accepted')
  }
  if (typ === undefined) return { alg, kid }
  if (typeof typ !== 'string' || typ === '') throw new TokenError('ERR_TOKEN_TYPE', 'typ is not a string')
  return { alg, kid, typ }
}

function judge({ header, compact }: ParsedToken, key: PublicJwk | undefined, options: VerifyOptions): VerifiedToken {
  const { alg, kid } = header
  const { claims, signingInput, signature } = compact
  if (key?.kid !== kid) throw new TokenError('ERR_TOKEN_KEY_UNKNOWN', 'token is signed by an unknown key')
  if (key.alg !== alg) throw new TokenError('ERR_TOKEN_ALGORITHM', `alg is not the algorithm of key ${kid}`)
  if (!(options.signatureHolds ?? verifySignature)(key, signingInput, signature)) {
    throw new TokenError('ERR_TOKEN_SIGNATURE', `signature does not verify with key ${kid}`)
  }
  if (key.sub !== undefined && claims.sub !== key.sub) {
    throw new TokenError('ERR_TOKEN_SUBJECT', `key ${kid} may not sign for the subject`, { claim: 'sub' })
  }
  checkType(header.typ, options.profile)
  const expected = key.sub === undefined ? { ...options, maxLifetimeMs: unboundLifetime(options) } : options
  return { header, keyID: kid, claims: checkClaims(claims, expected) }
}

function unboundLifetime({ maxLifetimeMs = defaultMaxLifetimeMs }: ClaimExpectations): number {
  return Math.min(maxLifetimeMs, maxUnboundLifetimeMs)
}

/** In lower case. A media type may omit `application/` (RFC 7515 §4.1.9). */
const accepted: Readonly<Record<Profile, ReadonlySet<string>>> = {
  // JWT-SVID §2.3: typ is optional.
  'JWT-SVID': new Set(['', 'jwt', 'jose', 'application/jwt', 'application/jose']),
  // RFC 9068 §4
  AccessToken: new Set(['at+jwt', 'application/at+jwt']),
}
const acceptedByAny: ReadonlySet<string> = new Set(Object.values(accepted).flatMap((forms) => [...forms]))

function checkType(typ: string | undefined, profile: Profile | undefined): void {
  const forms = profile === undefined ? acceptedByAny : accepted[profile]
  if (!forms.has(typ?.toLowerCase() ?? '')) {
    throw new TokenError('ERR_TOKEN_TYPE', `typ does not match the profile ${profile ?? '(any)'}`)
  }
}
