import type { Clock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
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
import type { KeyLookup } from '../../keys/key-lookup.ts'
import type { VerificationKeys } from './verification-keys.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import type { Revocations } from '../../tokens/revocations.ts'
import type { SharedVerifications } from './shared-verifications.ts'

export interface IssuedTokenVerifierOptions {
  /** The cluster-scoped issuer. */
  readonly issuer: string
  readonly trustDomain: string
  readonly keys: Pick<VerificationKeys, 'ready' | 'key' | 'withdrawn' | 'exists'>
  readonly revocations: Pick<Revocations, 'ready' | 'has'>
  readonly clock: Clock
  /**
   * The time up to which this replica has observed all published keys, in milliseconds since the epoch; undefined if it
   * is not known now. Without this option, every published key counts as observed.
   */
  readonly knownUntil?: () => number | undefined
  /** Looks up an unknown key that may have been published since. Without it, tokens of unknown keys are undecidable. */
  readonly lookForKey?: KeyLookup | undefined
  readonly shared?: SharedVerifications | undefined
  /** Approximate memory for verified tokens, in bytes; 32 MiB by default, about 11,000 tokens. */
  readonly cacheBytes?: number
}

/** A token whose signature and claims were verified. Whether it is still live is a separate question: see `isLive`. */
export interface PresentedToken {
  readonly claims: TokenClaims
  readonly keyID: string
  readonly key: PublicJwk
  readonly subject: SpiffeId
  /** The introspection response for the live token, in JSON, cached on first use; the same for every caller. */
  answer?: string
}

/** How to treat a token whose key is not published at this replica. */
interface Leniency {
  /** Whether a withdrawn key verifies the token. */
  readonly byWithdrawn: boolean
  /** How far the clock that dated the token may be behind this one, in milliseconds. */
  readonly skewMs: number
}

/** Introspection and authentication take no clock leeway, because the caller soon asks again. */
const forUse: Leniency = { byWithdrawn: false, skewMs: 0 }
/** Revocation is answered once: a token that is wrongly called invalid would stay valid (I5). */
const forRevocation: Leniency = { byWithdrawn: true, skewMs: clockTolerance }

/** Retry-After of a 503, in seconds. */
const retryAfter = 2
const defaultCacheBytes = 32 * 1024 * 1024

/**
 * Verifies tokens that Signet issued: those that callers present as their credential, introspect or revoke. Only the fact
 * that exactly this text has a valid signature is remembered. What can change is checked on every use; revocation goes by
 * claims, so that no second spelling of a token escapes it. Invalid tokens are not remembered.
 */
export class IssuedTokenVerifier {
  readonly #options: IssuedTokenVerifierOptions
  readonly #verified: TokenMemo<PresentedToken>

  constructor(options: IssuedTokenVerifierOptions) {
    this.#options = options
    this.#verified = new TokenMemo(options.cacheBytes ?? defaultCacheBytes)
  }

  /** Undefined if the token does not verify now; rejects with an OAuthError if that cannot be decided. */
  verify(text: string): Promise<PresentedToken | undefined> {
    return this.#verify(text, forUse)
  }

  /**
   * As `verify`, and also verifies tokens of a withdrawn key: the key may be published again, if its ConfigMap was deleted
   * and the controller restores it.
   */
  verifyToRevoke(text: string): Promise<PresentedToken | undefined> {
    return this.#verify(text, forRevocation)
  }

  async #verify(text: string, { byWithdrawn, skewMs }: Leniency): Promise<PresentedToken | undefined> {
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
      if (withdrawn !== undefined || !(await this.#mayHaveNewKey(kid, compact.claims, skewMs))) return undefined
      throw unavailable('the key of the token is not known here yet')
    }
    const verified = await this.#verifyAnew(text, compact, key)
    if (verified !== undefined) this.#verified.set(text, verified)
    return verified
  }

  /**
   * Checks what may change after verification: expiry, to the second; revocation; whether the key is still published; and,
   * for a token that an issuing key signed, whether the identity exists.
   */
  isLive({ claims, keyID, key, subject }: PresentedToken): boolean {
    const { keys, revocations, clock } = this.#options
    if (claims.exp * SECOND <= clock.now() || keys.key(keyID) === undefined) return false
    if (key.sub === undefined && !keys.exists(subject)) return false
    return !revocations.has({ keyID, claims })
  }

  /**
   * Whether a token may be signed by a key that this replica has not observed yet. A key is published before it signs, so
   * the key of a token issued before `knownUntil` is known here or does not exist, and the key of a later token is found
   * by a lookup. Calling such a token invalid without the lookup would be a wrong answer (I6), and `/revoke` would report
   * success without revoking anything (I5).
   */
  async #mayHaveNewKey(kid: string, claims: CompactToken['claims'], skewMs: number): Promise<boolean> {
    const { knownUntil, lookForKey, clock } = this.#options
    const subject = this.subjectOf(claims)
    if (knownUntil === undefined || subject === undefined || this.issuerOf(claims, subject) === undefined) return false
    const { iat } = claims
    if (typeof iat !== 'number' || iat * SECOND > clock.now() + clockTolerance) return false
    // `iat` is in whole seconds, rounded down.
    if ((iat + 1) * SECOND + skewMs <= (knownUntil() ?? Number.NEGATIVE_INFINITY)) return false
    return lookForKey === undefined || (await lookForKey(subject, kid)) !== 'absent'
  }

  /** Verifies what never changes: the claims, and the signature, here or as shared by another replica. */
  async #verifyAnew(text: string, compact: CompactToken, key: PublicJwk): Promise<PresentedToken | undefined> {
    const { clock, shared } = this.#options
    const { claims } = compact
    const subject = this.subjectOf(claims)
    const issuer = subject === undefined ? undefined : this.issuerOf(claims, subject)
    if (subject === undefined || issuer === undefined) return undefined
    // Verifying an RSA signature is faster than asking the shared cache.
    const vouched = key.kty === 'RSA' ? undefined : await shared?.look(key.kid, tokenFingerprint(compact))
    try {
      const verified = verifyTokenSync(text, {
        keys: () => key,
        issuer,
        audience: undefined,
        now: clock.now(),
        signatureHolds: vouched?.holds === true ? () => true : verifySignature,
      })
      if (vouched?.holds === false) vouched.share(verified.claims.exp * SECOND - clock.now())
      return { claims: verified.claims, keyID: key.kid, key, subject }
    } catch (error) {
      if (error instanceof TokenError) return undefined
      throw error
    }
  }

  /** The identity of the trust domain that the unverified claims name as subject. */
  subjectOf({ sub }: CompactToken['claims']): SpiffeId | undefined {
    const subject = typeof sub === 'string' ? parseSpiffeId(sub) : undefined
    return subject?.trustDomain === this.#options.trustDomain ? subject : undefined
  }

  /** The issuer that the unverified claims name, if it is one of the subject's issuers, in any scope. */
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

/** `temporarily_unavailable`: the request about a token cannot be decided now (I6). */
export function unavailable(description: string, options: ErrorOptions & { reason?: string } = {}): OAuthError {
  return new OAuthError('temporarily_unavailable', description, { retryAfter, ...options })
}
