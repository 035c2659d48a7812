import type { Clock } from '../../time/clock.ts'
import { type CompactToken, maxTokenLength, parseCompact } from '../../tokens/compact.ts'
import { checkTimes, type ServiceAccountProof, verifyServiceAccountToken } from '../../tokens/service-account-token.ts'
import { TokenError } from '../../tokens/token-error.ts'
import { TokenMemo } from '../../tokens/token-memo.ts'
import type { BoundObjects } from '../../tokens/bound-objects.ts'
import type { ServiceAccountIssuerKeys } from './service-account-issuer-keys.ts'
import { OAuthError } from '../oauth/oauth-error.ts'

interface ServiceAccountAuthenticatorOptions {
  readonly keys: Pick<ServiceAccountIssuerKeys, 'issuer' | 'key' | 'refresh'>
  readonly objects: BoundObjects
  /** The authority's issuer, which must be the audience of the tokens. */
  readonly audience: string
  readonly clock: Clock
  /** Approximate memory for verified tokens, in bytes; 48 MiB by default, about 11,000 tokens. */
  readonly rememberedBytes?: number
}

const defaultRememberedBytes = 48 * 1024 * 1024
/** Retry-After of a 503, in seconds. */
const retryAfter = 2

/** The prefix of `sub` in a ServiceAccount token. */
const accountSubject = 'system:serviceaccount:'

interface Remembered {
  readonly proof: ServiceAccountProof
  /** The issuer that the token was verified for. */
  readonly issuer: string
}

/**
 * Authenticates callers by a projected ServiceAccount token. Each token's signature is verified once; only the fact that
 * exactly this text has a valid signature is remembered. Key, expiry, pod and account are checked on every use.
 */
export class ServiceAccountAuthenticator {
  readonly #options: ServiceAccountAuthenticatorOptions
  readonly #remembered: TokenMemo<Remembered>

  constructor(options: ServiceAccountAuthenticatorOptions) {
    this.#options = options
    this.#remembered = new TokenMemo(options.rememberedBytes ?? defaultRememberedBytes)
  }

  /** Whether the unverified claims name the cluster's issuer, and so how the token is to be verified. */
  appliesTo(token: string): boolean {
    const { issuer } = this.#options.keys
    if (token.length > maxTokenLength) return false
    if (this.#remembered.get(token) !== undefined) return true
    try {
      const { iss, sub } = parseCompact(token).claims
      // Until the issuer is known, `sub` decides, so that such a token gets a 503 and not a 401 (I6).
      return issuer === undefined ? typeof sub === 'string' && sub.startsWith(accountSubject) : iss === issuer
    } catch {
      return false
    }
  }

  /**
   * Verifies a token and returns its account and pod. Throws a TokenError for an invalid token, and an OAuthError with
   * `temporarily_unavailable` if the token cannot be verified now.
   */
  async prove(token: string): Promise<ServiceAccountProof> {
    const { keys, objects, clock } = this.#options
    if (keys.issuer === undefined) throw unavailable('keys-unread')
    const proof = this.#recall(token) ?? (await this.#verify(token))
    checkTimes(proof, clock.now())
    if (objects.areKnown(proof)) return proof
    const found = await objects.look(proof)
    if (found === 'unknown') throw unavailable('bound-objects-unknown')
    if (found === 'absent')
      throw new TokenError('ERR_TOKEN_BOUND_OBJECT', 'pod or account of the token no longer exists')
    return proof
  }

  #recall(token: string): ServiceAccountProof | undefined {
    const { keys } = this.#options
    const known = this.#remembered.get(token)
    if (known === undefined) return undefined
    const { proof, issuer } = known
    return issuer === keys.issuer && keys.key(proof.key.kid) === proof.key ? proof : undefined
  }

  async #verify(token: string): Promise<ServiceAccountProof> {
    const { keys, audience, clock } = this.#options
    const compact = parseCompact(token)
    if (this.#hasUnknownKey(compact) && !(await keys.refresh())) throw unavailable('keys-unknown')
    const issuer = keys.issuer ?? ''
    const proof = verifyServiceAccountToken(compact, {
      keys: (kid) => keys.key(kid),
      issuer,
      audience,
      now: clock.now(),
    })
    this.#remembered.set(token, { proof, issuer })
    return proof
  }

  /** Whether an unexpired token of the cluster's issuer, by its unverified claims, names a key that is not known yet. */
  #hasUnknownKey({ header, claims }: CompactToken): boolean {
    const { keys, clock } = this.#options
    const { kid } = header
    if (typeof kid !== 'string' || keys.key(kid) !== undefined) return false
    return claims.iss === keys.issuer && typeof claims.exp === 'number' && claims.exp * 1000 > clock.now()
  }
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the API server cannot be asked about this token now', {
    retryAfter,
    reason,
  })
}
