import { SignetError } from '../../errors.ts'

type FetchErrorCode =
  /** Connection refused or lost, or certificate not trusted; `cause` has the error. */
  | 'ERR_FETCH_FAILED'
  /** No complete response within the time limit. */
  | 'ERR_FETCH_TIMEOUT'
  /** An unexpected status, redirects included; see `status`. */
  | 'ERR_FETCH_STATUS'
  /** The response is larger than the size limit. */
  | 'ERR_FETCH_TOO_LARGE'
  /** The response is malformed, or belongs to another issuer. */
  | 'ERR_FETCH_CONTENT'

interface FetchErrorOptions extends ErrorOptions {
  readonly status?: number
  readonly retryAfterMs?: number | undefined
}

/** A request to the authority failed. The message contains the URL, never anything that was sent or received. */
export class FetchError extends SignetError {
  declare readonly code: FetchErrorCode
  readonly status: number | undefined
  /** The wait that the authority requested by Retry-After, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(code: FetchErrorCode, message: string, { status, retryAfterMs, ...options }: FetchErrorOptions = {}) {
    super(code, message, options)
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
