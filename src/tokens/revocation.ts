import type { TokenClaims } from './claims.ts'

/** A revoked token, key or time of one subject. Times in seconds since the epoch. */
export interface Revocation {
  /** The SPIFFE ID whose tokens are revoked. A revocation never affects another subject. */
  readonly sub: string
  /** Exactly one of `jti`, `kid` and `issued_before` is set. */
  readonly jti?: string
  readonly kid?: string
  readonly issued_before?: number
  /** When everything that the revocation covers has ended, and it may be dropped. */
  readonly exp: number
}

/** The parts of a verified token that decide whether it is revoked. */
export interface Revocable {
  readonly keyID: string
  readonly claims: Pick<TokenClaims, 'sub' | 'jti' | 'iat'>
}

/**
 * Decides in constant time whether a verified token is revoked, by `jti`, `kid`, or `sub` and `iat`. Never by the
 * token's text, because a token has several spellings.
 */
export class RevocationSet {
  readonly #tokens = new Set<string>()
  readonly #keys = new Set<string>()
  readonly #issuedBefore = new Map<string, number>()

  constructor(revocations: Iterable<Revocation>) {
    for (const { sub, jti, kid, issued_before: before } of revocations) {
      if (jti !== undefined) this.#tokens.add(pair(sub, jti))
      else if (kid !== undefined) this.#keys.add(pair(sub, kid))
      else if (before !== undefined) this.#issuedBefore.set(sub, Math.max(before, this.#issuedBefore.get(sub) ?? 0))
    }
  }

  has({ keyID, claims: { sub, jti, iat } }: Revocable): boolean {
    if (this.#issuedBefore.size > 0 && iat < (this.#issuedBefore.get(sub) ?? 0)) return true
    if (this.#keys.size > 0 && this.#keys.has(pair(sub, keyID))) return true
    return this.#tokens.size > 0 && this.#tokens.has(pair(sub, jti))
  }
}

/** Unambiguous, because a subject contains no space. */
function pair(sub: string, id: string): string {
  return `${sub} ${id}`
}
