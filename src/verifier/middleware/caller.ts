import { parseSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'
import type { TokenClaims } from '../../tokens/claims.ts'
import type { VerifiedToken } from '../../tokens/verify.ts'

/** Who has sent a request, proved by its token. */
export interface Caller {
  /** The `sub`: a SPIFFE ID for every identity of Signet's. */
  readonly subject: string
  /** The parts of it; undefined where the subject is something else. */
  readonly identity: SpiffeId | undefined
  /** The `jti`: what to revoke the token by, and what may be logged of it. */
  readonly tokenID: string
  readonly keyID: string
  readonly claims: TokenClaims
  /** When the token ends, in milliseconds since the epoch. */
  readonly expiresAt: number
}

export function callerOfToken({ claims, keyID }: VerifiedToken): Caller {
  return {
    subject: claims.sub,
    identity: parseSpiffeId(claims.sub),
    tokenID: claims.jti,
    keyID,
    claims,
    expiresAt: claims.exp * 1000,
  }
}
