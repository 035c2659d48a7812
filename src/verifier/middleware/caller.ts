import { parseSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'
import type { TokenClaims } from '../../tokens/claims.ts'
import type { VerifiedToken } from '../../tokens/verify.ts'

/** The authenticated sender of a request. */
export interface Caller {
  /** The `sub` claim (RFC 7519 §4.1.2): a SPIFFE ID for every Signet identity. */
  readonly subject: string
  /**
   * The parsed subject; undefined unless the subject is a SPIFFE ID of the form
   * `spiffe://<trust domain>/ns/<namespace>/sa/<name>`.
   */
  readonly identity: SpiffeId | undefined
  /** The `jti` claim (RFC 7519 §4.1.7): safe to log, and names the token in a TokenRevocation. */
  readonly tokenID: string
  /** The `kid` of the key that signed the token (RFC 7515 §4.1.4). */
  readonly keyID: string
  /** All claims of the token, frozen. */
  readonly claims: TokenClaims
  /** When the token expires, in milliseconds since the epoch. */
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
