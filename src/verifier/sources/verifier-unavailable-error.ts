import { SignetError } from '../../errors.ts'

interface UnavailableOptions extends ErrorOptions {
  /** Default: 1. */
  readonly retryAfter?: number
}

/**
 * A token cannot be verified now, because keys or revocations are unavailable. This says nothing about the token: it is
 * neither accepted nor refused (I6). Respond with 503 and `Retry-After`, not with 401.
 */
export class VerifierUnavailableError extends SignetError {
  declare readonly code: 'ERR_VERIFIER_UNAVAILABLE'
  /** Whole seconds until a retry makes sense: the value of `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfter: number

  constructor(message: string, { retryAfter = 1, ...options }: UnavailableOptions = {}) {
    super('ERR_VERIFIER_UNAVAILABLE', message, options)
    this.retryAfter = retryAfter
  }
}
