import type { Clock } from '../../time/clock.ts'
import type { Algorithm } from '../../keys/algorithm.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import type { Profile } from '../../tokens/claims.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { TokenMemo } from '../../tokens/token-memo.ts'
import { TokenError } from '../../tokens/token-error.ts'
import { type VerifiedToken, verifyTokenSync } from '../../tokens/verify.ts'
import type { KeySource } from '../sources/jwks-source.ts'
import type { RevocationSource } from '../sources/revocation-source.ts'
import { VerifierUnavailableError } from '../sources/verifier-unavailable-error.ts'

export interface TokenVerifierOptions {
  readonly keys: KeySource
  readonly revocations: RevocationSource
  readonly issuer: string
  readonly audience: string
  readonly algorithms?: readonly Algorithm[] | undefined
  readonly profile?: Profile | undefined
  readonly skewMs?: number | undefined
  readonly maxLifetimeMs?: number | undefined
  readonly maxCacheBytes: number
  readonly clock: Pick<Clock, 'now'>
}

/** A verified token, with the facts that are checked again on each use. */
interface KnownToken {
  readonly verified: VerifiedToken
  readonly key: PublicJwk
  /** Both in seconds since the epoch; `notBefore` is the later of `iat` and `nbf`. */
  readonly notBefore: number
  readonly expires: number
  /** Versions of the keys and revocations that the token was last checked against. */
  keysVersion: number
  revocationsVersion: number
}

/** Limits the calls that wait for keys, and so the memory that tokens with invented kids can hold. */
const maxWaiting = 1000

/** Verifies tokens with the keys and revocations in memory, and remembers verified tokens. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions & { readonly skewMs: number }
  readonly #memo: TokenMemo<KnownToken>
  readonly #keyOf: (kid: string) => ReturnType<KeySource['get']>
  #waiting = 0

  constructor(options: TokenVerifierOptions) {
    this.#options = { ...options, skewMs: options.skewMs ?? clockTolerance }
    this.#memo = new TokenMemo(options.maxCacheBytes)
    this.#keyOf = (kid) => options.keys.get(kid)
  }

  /** Number of remembered tokens. */
  get cached(): number {
    return this.#memo.size
  }

  async verify(token: string): Promise<VerifiedToken> {
    const known = this.recall(token)
    if (known !== undefined) return known
    try {
      return this.#judge(token)
    } catch (error) {
      if (!isCurable(error)) throw error
      await this.#settle(token, error)
    }
    return this.#judge(token)
  }

  /**
   * The result of an earlier `verify` of the same text, if the token is still valid; time, key and revocations are
   * checked again.
   */
  recall(token: string): VerifiedToken | undefined {
    const entry = typeof (token as unknown) === 'string' ? this.#memo.get(token) : undefined
    if (entry === undefined) return undefined
    const { keys, revocations, clock, skewMs } = this.#options
    const now = clock.now()
    // Kept in memory: a clock that is set back may make it valid again.
    if (entry.expires <= (now - skewMs) / 1000 || entry.notBefore > (now + skewMs) / 1000) return undefined
    if (keys.problem() !== undefined || revocations.problem() !== undefined) return undefined
    const same = entry.keysVersion === keys.version && entry.revocationsVersion === revocations.version
    if (!same && !this.#confirm(token, entry)) return undefined
    return entry.verified
  }

  /** Checks the token against keys and revocations that changed. */
  #confirm(token: string, entry: KnownToken): boolean {
    const { keys, revocations } = this.#options
    const { verified, key } = entry
    if (keys.get(verified.keyID) !== key || revocations.has(verified)) {
      this.#memo.delete(token)
      return false
    }
    entry.keysVersion = keys.version
    entry.revocationsVersion = revocations.version
    return true
  }

  #judge(token: string): VerifiedToken {
    const { keys, revocations, clock, issuer, audience, algorithms, profile, skewMs, maxLifetimeMs } = this.#options
    const verified = verifyTokenSync(token, {
      keys: this.#keyOf,
      issuer,
      audience,
      algorithms,
      profile,
      skewMs,
      maxLifetimeMs,
      now: clock.now(),
    })
    if (revocations.has(verified)) throw new TokenError('ERR_TOKEN_REVOKED', 'token has been revoked')
    const problem = keys.problem() ?? revocations.problem()
    if (problem !== undefined) throw new VerifierUnavailableError(problem)
    this.#remember(token, verified)
    return verified
  }

  #remember(token: string, verified: VerifiedToken): void {
    const { keys, revocations } = this.#options
    const { keyID, claims } = verified
    const key = keys.get(keyID)
    // Frozen, because callers share it.
    freeze(verified)
    if (key === undefined) return
    this.#memo.set(token, {
      verified,
      key,
      notBefore: Math.max(claims.iat, claims.nbf ?? 0),
      expires: claims.exp,
      keysVersion: keys.version,
      revocationsVersion: revocations.version,
    })
  }

  /** Waits for missing keys or revocations. Rejects if waiting does not help. */
  async #settle(token: string, cause: unknown): Promise<void> {
    if (this.#waiting >= maxWaiting) {
      throw new VerifierUnavailableError('too many tokens are waiting for keys', { cause })
    }
    this.#waiting += 1
    try {
      const { keys, revocations } = this.#options
      // The kid is a string: `judge` has read the header.
      await Promise.all([keys.seek(decodeToken(token).header.kid as string), revocations.settle()])
    } finally {
      this.#waiting -= 1
    }
  }
}

/** Whether waiting may help: the key is unknown, or nothing has been loaded. */
function isCurable(error: unknown): boolean {
  return (
    error instanceof VerifierUnavailableError || (error instanceof TokenError && error.code === 'ERR_TOKEN_KEY_UNKNOWN')
  )
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const member of Object.values(value)) freeze(member)
  Object.freeze(value)
}
