import type { Clock } from '../../time/clock.ts'
import { type CompactToken, maxTokenLength, parseCompact } from '../../tokens/compact.ts'
import { checkTimes, type ServiceAccountProof, verifyServiceAccountToken } from '../../tokens/service-account-token.ts'
import { TokenError } from '../../tokens/token-error.ts'
import { TokenMemo } from '../../tokens/token-memo.ts'
import type { BoundObjects } from '../../tokens/bound-objects.ts'
import type { ClusterKeys } from './service-account-issuer-keys.ts'
import { OAuthError } from '../oauth/oauth-error.ts'

interface ServiceAccountCallersOptions {
  readonly keys: Pick<ClusterKeys, 'issuer' | 'key' | 'lookAgain'>
  readonly objects: BoundObjects
  /** Our own issuer, which the tokens have to be for. */
  readonly audience: string
  readonly clock: Clock
  /** Most memory for tokens whose signatures are remembered, in bytes, roughly; 48 MiB by default, for about 11,000. */
  readonly rememberedBytes?: number
}

const defaultRememberedBytes = 48 * 1024 * 1024
/** Seconds after which a caller may ask again when the API server was needed and away. */
const retryAfter = 2

/** How subjects of ServiceAccount tokens begin, and no SPIFFE ID. */
const accountSubject = 'system:serviceaccount:'

interface Remembered {
  readonly proof: ServiceAccountProof
  /** The issuer that it was verified for. */
  readonly issuer: string
}

/**
 * Who presents a projected ServiceAccount token. The signature is verified here and once, whereupon it is remembered
 * that this very text is good, and nothing but that. What can change is judged every time: key, expiry, pod and account.
 */
export class ServiceAccountCallers {
  readonly #options: ServiceAccountCallersOptions
  readonly #remembered: TokenMemo<Remembered>

  constructor(options: ServiceAccountCallersOptions) {
    this.#options = options
    this.#remembered = new TokenMemo(options.rememberedBytes ?? defaultRememberedBytes)
  }

  /** Whether a token says that it is the cluster's, which is not believed: it decides how it is verified. */
  isMeant(token: string): boolean {
    const { issuer } = this.#options.keys
    if (token.length > maxTokenLength) return false
    if (this.#remembered.get(token) !== undefined) return true
    try {
      const { iss, sub } = parseCompact(token).claims
      // Before the issuer is known: so that such a token is answered 503, as one that cannot be told, and not 401 (I6).
      return issuer === undefined ? typeof sub === 'string' && sub.startsWith(accountSubject) : iss === issuer
    } catch {
      return false
    }
  }

  /**
   * The account and pod that a token proves. Throws TokenError where it proves nothing, and an OAuthError with
   * `temporarily_unavailable` where that cannot be told now.
   */
  async prove(token: string): Promise<ServiceAccountProof> {
    const { keys, objects, clock } = this.#options
    if (keys.issuer === undefined) throw unavailable('keys-unread')
    const proof = this.#recall(token) ?? (await this.#verify(token))
    checkTimes(proof, clock.now())
    if (objects.areKnown(proof)) return proof
    const found = await objects.look(proof)
    if (found === 'unknown') throw unavailable('bound-objects-unknown')
    if (found === 'absent') throw new TokenError('ERR_TOKEN_BOUND_OBJECT', 'pod or account of the token is gone')
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
    if (this.#isOfUnknownKey(compact) && !(await keys.lookAgain())) throw unavailable('keys-unknown')
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

  /** Whether a token says that it is the cluster's and alive, and names a key that is not known (yet). */
  #isOfUnknownKey({ header, claims }: CompactToken): boolean {
    const { keys, clock } = this.#options
    const { kid } = header
    if (typeof kid !== 'string' || keys.key(kid) !== undefined) return false
    return claims.iss === keys.issuer && typeof claims.exp === 'number' && claims.exp * 1000 > clock.now()
  }
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the cluster cannot be asked about this token now', {
    retryAfter,
    reason,
  })
}
