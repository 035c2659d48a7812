import { SignetError } from '../errors.ts'

/** Why a token was refused. Stable; inward only, since callers of the outside get one generic error. */
export type TokenErrorCode =
  /** Not a JWT of the one form that is read: length, parts, base64url, JSON, repeated members. */
  | 'ERR_TOKEN_MALFORMED'
  /** A header parameter that is not allowed, or a missing or unusable `kid`. */
  | 'ERR_TOKEN_HEADER'
  /** An algorithm that is not accepted, or not that of the key. */
  | 'ERR_TOKEN_ALGORITHM'
  /** A `typ` that is not that of the profile. */
  | 'ERR_TOKEN_TYPE'
  | 'ERR_TOKEN_KEY_UNKNOWN'
  | 'ERR_TOKEN_SIGNATURE'
  /** The key may not sign for the token's subject. */
  | 'ERR_TOKEN_SUBJECT'
  /** A required claim is missing or one has the wrong type; `claim` says which. */
  | 'ERR_TOKEN_CLAIM'
  | 'ERR_TOKEN_ISSUER'
  | 'ERR_TOKEN_AUDIENCE'
  | 'ERR_TOKEN_EXPIRED'
  /** `iat` or `nbf` lies in the future. */
  | 'ERR_TOKEN_NOT_YET_VALID'
  /** It lives longer than the verifier permits. */
  | 'ERR_TOKEN_LIFETIME'
  /** It was good and has been withdrawn: the token, its key, or all that were issued before some time. */
  | 'ERR_TOKEN_REVOKED'
  /** A pod or account that the token is bound to is not there any more. */
  | 'ERR_TOKEN_BOUND_OBJECT'

/** A token cannot be trusted. Shows neither the token nor any value of it. */
export class TokenError extends SignetError {
  declare readonly code: TokenErrorCode
  /** The claim at fault, where it is one. */
  readonly claim?: string

  constructor(code: TokenErrorCode, message: string, { claim, ...options }: ErrorOptions & { claim?: string } = {}) {
    super(code, message, options)
    if (claim !== undefined) this.claim = claim
  }
}
