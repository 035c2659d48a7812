import type { TokenClaims } from './claims.ts'

/** One thing that is revoked, of one subject. Times are in seconds since the epoch. */
export interface Revocation {
  /** The SPIFFE ID whose tokens are meant: nobody revokes another's. */
  readonly sub: string
  /** Exactly one of the three is there: a token, a key, or every token issued before a time. */
  readonly jti?: string
  readonly kid?: string
  readonly issued_before?: number
  /** When nothing that it means can be alive any more, and it may be forgotten. */
  readonly exp: number
}

/** What is asked of a token that has been verified. */
export interface Revocable {
  readonly keyID: string
  readonly claims: Pick<TokenClaims, 'sub' | 'jti' | 'iat'>
}

/**
 * Answers in constant time whether a verified token is revoked. By `jti`, `kid` and `sub` + `iat`, never by the token's
 * text, of which one token has several spellings.
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

/** No subject has a space in it. */
function pair(sub: string, id: string): string {
  return `${sub} ${id}`
}
