import { SignetError } from '../../errors.ts'

export type TokenSourceErrorCode =
  /** The file cannot be read or holds no token. */
  | 'ERR_TOKEN_SOURCE_FILE'
  /** The authority refuses; `error` is its word (RFC 6749 §5.2). Asking again will not help. */
  | 'ERR_TOKEN_SOURCE_REFUSED'
  /** The authority cannot be reached or cannot tell now. */
  | 'ERR_TOKEN_SOURCE_UNAVAILABLE'
  /** The authority's answer is no token for what was asked. */
  | 'ERR_TOKEN_SOURCE_ANSWER'

/** There is no token to send. Shows neither a token nor what the authority said besides its code. */
export class TokenSourceError extends SignetError {
  declare readonly code: TokenSourceErrorCode
  /** `invalid_grant`, `invalid_target`, … where the authority refused. */
  readonly error: string | undefined
  /** Milliseconds that the authority asked to be left alone. */
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
