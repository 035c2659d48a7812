import { SignetError } from '../../errors.ts'

/** The errors of RFC 6749 §5.2, RFC 8693 §2.2.2 and RFC 6750 §3.1 that the authority gives. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_scope'
  | 'invalid_target'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  /** It cannot be decided now: nothing is allowed and nothing denied (I6). Always with `retryAfter`. */
  | 'temporarily_unavailable'

const statuses: Readonly<Partial<Record<OAuthErrorCode, number>>> = {
  invalid_client: 401,
  temporarily_unavailable: 503,
}

interface OAuthErrorOptions extends ErrorOptions {
  /** Whole seconds after which the same request may be made again. */
  readonly retryAfter?: number
  /** Why, for log and metrics; never shown to the caller. */
  readonly reason?: string
}

/**
 * What a caller of an OAuth endpoint is told: a code, and a sentence in the characters of RFC 6749 §5.2 that names the
 * parameter and the remedy. Neither ever holds a token or a part of one.
 */
export class OAuthError extends SignetError {
  readonly error: OAuthErrorCode
  readonly description: string
  /** HTTP status: 401, 503, or 400 for all others. */
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
