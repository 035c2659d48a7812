import { SignetError } from '../../errors.ts'

/** The error codes of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 6750 §3.1 that the authority returns. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  /** The request cannot be decided now: neither allowed nor denied (I6). Always with `retryAfter`. */
  | 'temporarily_unavailable'

const statuses: Readonly<Partial<Record<OAuthErrorCode, number>>> = {
  invalid_client: 401,
  temporarily_unavailable: 503,
}

interface OAuthErrorOptions extends ErrorOptions {
  /** Whole seconds after which the client may repeat the request. */
  readonly retryAfter?: number
  /** The cause, for logs and metrics; never sent to the client. */
  readonly reason?: string
}

/**
 * The error that an OAuth endpoint returns: a code and a sentence that names the parameter and the remedy, in the
 * characters of RFC 6749 §5.2. Neither contains a token or a part of one.
 */
export class OAuthError extends SignetError {
  readonly error: OAuthErrorCode
  readonly description: string
  /** HTTP status: 401 for `invalid_client`, 503 for `temporarily_unavailable`, 400 otherwise. */
  readonly status: number
  readonly retryAfter: number | undefined
  readonly reason: string | undefined

  constructor(error: OAuthErrorCode, description: string, { retryAfter, reason, ...options }: OAuthErrorOptions = {}) {
    super('ERR_OAUTH', `${error}: ${description}`, options)
    this.error = error
    this.description = description
    this.status = statuses[error] ?? 400
    this.retryAfter = retryAfter
    this.reason = reason
  }
}

/** The caller or its address exceeds its rate: status 429 (RFC 6585 §4), always with Retry-After. */
export class TooManyRequests extends OAuthError {
  override readonly status = 429

  constructor(waitMs: number) {
    const retryAfter = Math.max(1, Math.ceil(waitMs / 1000))
    super('temporarily_unavailable', 'too many requests: slow down', { retryAfter, reason: 'rate' })
  }
}
