import { SignetError } from '../../errors.ts'

type FetchErrorCode =
  /** No connection, no trust in the certificate, or the connection was lost; the cause says which. */
  | 'ERR_FETCH_FAILED'
  | 'ERR_FETCH_TIMEOUT'
  /** An answer with another status than it should have, redirects among them; `status` is it. */
  | 'ERR_FETCH_STATUS'
  | 'ERR_FETCH_TOO_LARGE'
  /** The answer is not what it should be. */
  | 'ERR_FETCH_CONTENT'

interface FetchErrorOptions extends ErrorOptions {
  readonly status?: number
  readonly retryAfterMs?: number | undefined
}

/** The authority did not give what it was asked for. The message shows the URL and never what was sent or received. */
export class FetchError extends SignetError {
  declare readonly code: FetchErrorCode
  readonly status: number | undefined
  /** What the authority asked for by Retry-After, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(code: FetchErrorCode, message: string, { status, retryAfterMs, ...options }: FetchErrorOptions = {}) {
    super(code, message, options)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
