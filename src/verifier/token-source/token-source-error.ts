import { SignetError } from '../../errors.ts'

/** Why no token is available. Stable. */
export type TokenSourceErrorCode =
  /** The file cannot be read or does not contain a token. */
  | 'ERR_TOKEN_SOURCE_FILE'
  /** The authority refuses the request; `error` has the OAuth error code (RFC 6749 §5.2). A retry does not help. */
  | 'ERR_TOKEN_SOURCE_REFUSED'
  /** The authority is unreachable or temporarily unable to decide. */
  | 'ERR_TOKEN_SOURCE_UNAVAILABLE'
  /** The response does not contain a token for the request. */
  | 'ERR_TOKEN_SOURCE_ANSWER'

/** No token is available. Contains neither a token nor any text of the authority besides its error code. */
export class TokenSourceError extends SignetError {
  declare readonly code: TokenSourceErrorCode
  /** The OAuth error code, `invalid_grant` or `invalid_target` for example; undefined unless the authority refused. */
  readonly error: string | undefined
  /** The wait that the authority requested by Retry-After, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: TokenSourceErrorCode,
    message: string,
    {
      error,
      retryAfterMs,
      ...options
    }: ErrorOptions & { readonly error?: string | undefined; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(code, message, options)
    this.error = error
    this.retryAfterMs = retryAfterMs
  }
}
