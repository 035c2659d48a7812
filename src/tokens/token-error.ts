import { SignetError } from '../errors.ts'

/** Why a token was refused. Stable. For logs and metrics only: callers outside get one generic error. */
export type TokenErrorCode =
  /** Not a JWT in the accepted form: length, parts, base64url, JSON, or duplicate members. */
  | 'ERR_TOKEN_MALFORMED'
  /** A header parameter that is not accepted, or a missing or invalid `kid`. */
  | 'ERR_TOKEN_HEADER'
  /** An algorithm that is not accepted, or does not match the key. */
  | 'ERR_TOKEN_ALGORITHM'
  /** A `typ` that does not match the profile. */
  | 'ERR_TOKEN_TYPE'
  /** The `kid` names no known key. */
  | 'ERR_TOKEN_KEY_UNKNOWN'
  /** The signature does not verify with the key of the `kid`. */
  | 'ERR_TOKEN_SIGNATURE'
  /** The key may not sign for the token's subject. */
  | 'ERR_TOKEN_SUBJECT'
  /** A required claim is missing, or a claim has the wrong type; see `claim`. */
  | 'ERR_TOKEN_CLAIM'
  /** `iss` is not the expected issuer. */
  | 'ERR_TOKEN_ISSUER'
  /** `aud` does not contain the expected audience. */
  | 'ERR_TOKEN_AUDIENCE'
  /** `exp` is in the past. */
  | 'ERR_TOKEN_EXPIRED'
  /** `iat` or `nbf` is in the future. */
  | 'ERR_TOKEN_NOT_YET_VALID'
  /** `exp` is not after `iat`, or the lifetime is longer than the verifier accepts. */
  | 'ERR_TOKEN_LIFETIME'
  /** The token, its key, or every token issued before some time was revoked. */
  | 'ERR_TOKEN_REVOKED'
  /** The pod or account that the token is bound to no longer exists. */
  | 'ERR_TOKEN_BOUND_OBJECT'

/** A token was refused. Contains neither the token nor any value of it. */
export class TokenError extends SignetError {
  declare readonly code: TokenErrorCode
  /** The claim at fault, if any. */
  readonly claim?: string

  constructor(code: TokenErrorCode, message: string, { claim, ...options }: ErrorOptions & { claim?: string } = {}) {
    super(code, message, options)
    if (claim !== undefined) this.claim = claim
  }
}
