import type { Clock } from '../../time/clock.ts'
import { HOUR, SECOND } from '../../time/duration.ts'
import { issuerOf, issuerScopes } from '../../identity/issuer.ts'
import { parseSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { verifySignature } from '../../keys/verify-signature.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import type { TokenClaims } from '../../tokens/claims.ts'
import { type CompactToken, parseCompact } from '../../tokens/compact.ts'
import { tokenFingerprint } from '../../tokens/fingerprint.ts'
import { TokenError } from '../../tokens/token-error.ts'
import { TokenMemo } from '../../tokens/token-memo.ts'
import { verifyTokenSync } from '../../tokens/verify.ts'
import type { LookForKey } from './limited-key-lookup.ts'
import type { KnownKeys } from './verification-keys.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import type { Revocations } from '../../tokens/revocations.ts'
import type { SharedVerifications } from './shared-verifications.ts'

export interface PresentedTokensOptions {
  /** The issuer of the cluster level. */
  readonly issuer: string
  readonly trustDomain: string
  readonly keys: Pick<KnownKeys, 'ready' | 'key' | 'withdrawn' | 'exists'>
  readonly revocations: Pick<Revocations, 'ready' | 'has'>
  readonly clock: Clock
  /**
   * Up to when it is known here which keys there are, in milliseconds since the epoch; undefined where that is not known
   * now. Absent: none is ever missing.
   */
  readonly knownUntil?: () => number | undefined
  /** Looks for a key that is not known and may be newer. Absent: nothing can be told of such a one. */
  readonly lookForKey?: LookForKey | undefined
  readonly shared?: SharedVerifications | undefined
  /** Most memory for verified tokens that are kept, in bytes, roughly; 32 MiB by default, for about 11,000 usual ones. */
  readonly cacheBytes?: number
}

/** A token whose signature and claims hold. Not whether it is live still: see `isLive`. */
export interface VerifiedToken {
  readonly claims: TokenClaims
  readonly keyID: string
  readonly key: PublicJwk
  readonly subject: SpiffeId
  /** What is said of it when it is live, in JSON; the same for whoever may hear it. Filled in by the first who says it. */
  answer?: string
}

/** What is done of a token whose key is not here. */
interface Leniency {
  /** Whether it is verified by one that was. */
  readonly byWithdrawn: boolean
  /** By how much the clock of who signed it may be behind, in milliseconds. */
  readonly skewMs: number
}

/** Answered a second later by whoever has heard more: the one is asked again, and often. */
const asJudged: Leniency = { byWithdrawn: false, skewMs: 0 }
/** Answered once and for all: a token that is called none stays good for whoever holds it (I5). */
const toBeRevoked: Leniency = { byWithdrawn: true, skewMs: clockTolerance }

/** Seconds after which a caller may ask again when this replica has not read what it needs. */
const retryAfter = 2
/** The authority signs for an hour at most. */
const longestOwn = HOUR
const defaultCacheBytes = 32 * 1024 * 1024

/**
 * Tokens as callers present them to be judged. That a very text has been verified is remembered, and nothing else of it:
 * what can change is judged each time, and revocation goes by the claims, so that no other spelling escapes it. Texts
 * that do not verify are not kept.
 */
export class PresentedTokens {
  readonly #options: PresentedTokensOptions
  readonly #verified: TokenMemo<VerifiedToken>

  constructor(options: PresentedTokensOptions) {
    this.#options = options
    this.#verified = new TokenMemo(options.cacheBytes ?? defaultCacheBytes)
  }

  /** The token, if it is one of ours that verifies now; throws an OAuthError where that cannot be told. */
  verify(text: string): Promise<VerifiedToken | undefined> {
    return this.#verify(text, asJudged)
  }

  /**
   * The token, if it is one of ours that verifies now or may again: by a key that was withdrawn, since another hand may
   * have deleted it for a moment. Throws an OAuthError where that cannot be told.
   */
  verifyToRevoke(text: string): Promise<VerifiedToken | undefined> {
    return this.#verify(text, toBeRevoked)
  }

  async #verify(text: string, { byWithdrawn, skewMs }: Leniency): Promise<VerifiedToken | undefined> {
    const { keys, revocations } = this.#options
    if (!keys.ready() || !revocations.ready()) throw unavailable('keys and revocations have not been read yet')
    const known = this.#verified.get(text)
    if (known !== undefined && keys.key(known.keyID) === known.key) return known
    const compact = parse(text)
    if (compact === undefined) return undefined
    const { kid } = compact.header
    if (typeof kid !== 'string') return undefined
    const withdrawn = keys.withdrawn(kid)
    const key = keys.key(kid) ?? (byWithdrawn ? withdrawn : undefined)
    if (key === undefined) {
      if (withdrawn !== undefined || !(await this.#mayBeByNewKey(kid, compact.claims, skewMs))) return undefined
      throw unavailable('the key of the token is not known here yet')
    }
    const verified = await this.#verifyAnew(text, compact, key)
    if (verified !== undefined) this.#verified.set(text, verified)
    return verified
  }

  /**
   * Judges what changes while a verified token stays the same: its expiry, to the second; revocation; its key; and, of a
   * token that the authority itself has signed, whether its identity exists.
   */
  isLive({ claims, keyID, key, subject }: VerifiedToken): boolean {
    const { keys, revocations, clock } = this.#options
    if (claims.exp * SECOND <= clock.now() || keys.key(keyID) === undefined) return false
    if (key.sub === undefined && !keys.exists(subject)) return false
    return !revocations.has({ keyID, claims })
  }

  /**
   * Whether a token that says it is ours may be by a key that has not arrived here. A key is published before it signs, so
   * that of a token of a time that has been told of is here or is none, and that of a later one is found by looking. To
   * call a token bad on a guess would be wrong (I6), and `/revoke` would answer that there is nothing to revoke (I5).
   */
  async #mayBeByNewKey(kid: string, claims: CompactToken['claims'], skewMs: number): Promise<boolean> {
    const { knownUntil, lookForKey, clock } = this.#options
    const subject = this.subjectOf(claims)
    if (knownUntil === undefined || subject === undefined || this.issuerOf(claims, subject) === undefined) return false
    const { iat } = claims
    if (typeof iat !== 'number' || iat * SECOND > clock.now() + clockTolerance) return false
    // Whole seconds, rounded down.
    if ((iat + 1) * SECOND + skewMs <= (knownUntil() ?? Number.NEGATIVE_INFINITY)) return false
    return lookForKey === undefined || (await lookForKey(subject, kid)) !== 'absent'
  }

  /** Verifies all that never changes: that the claims are of ours, and the signature, on another replica's word or itself. */
  async #verifyAnew(text: string, compact: CompactToken, key: PublicJwk): Promise<VerifiedToken | undefined> {
    const { clock, shared } = this.#options
    const { claims } = compact
    const subject = this.subjectOf(claims)
    const issuer = subject === undefined ? undefined : this.issuerOf(claims, subject)
    if (subject === undefined || issuer === undefined) return undefined
    // An RSA signature is verified sooner than anybody can be asked.
    const vouched = key.kty === 'RSA' ? undefined : await shared?.look(key.kid, tokenFingerprint(compact))
    try {
      const verified = verifyTokenSync(text, {
        keys: () => key,
        issuer,
        audience: undefined,
        now: clock.now(),
        ...(key.sub === undefined ? { maxLifetimeMs: longestOwn } : {}),
        signatureHolds: vouched?.holds === true ? () => true : verifySignature,
      })
      if (vouched?.holds === false) vouched.tell(verified.claims.exp * SECOND - clock.now())
      return { claims: verified.claims, keyID: key.kid, key, subject }
    } catch (error) {
      if (error instanceof TokenError) return undefined
      throw error
    }
  }

  /** The identity of our trust domain that unverified claims name. */
  subjectOf({ sub }: CompactToken['claims']): SpiffeId | undefined {
    const subject = typeof sub === 'string' ? parseSpiffeId(sub) : undefined
    return subject?.trustDomain === this.#options.trustDomain ? subject : undefined
  }

  /** The issuer that unverified claims name, if it is one that the subject's tokens may have, of whichever scope. */
  issuerOf({ iss }: CompactToken['claims'], subject: SpiffeId): string | undefined {
    return issuerScopes.map((scope) => issuerOf(this.#options.issuer, scope, subject)).find((issuer) => issuer === iss)
  }
}

function parse(text: string): CompactToken | undefined {
  try {
    return parseCompact(text)
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}

export function unavailable(description: string, options: ErrorOptions & { reason?: string } = {}): OAuthError {
  return new OAuthError('temporarily_unavailable', description, { retryAfter, ...options })
}
