import { SignetError } from '../../errors.ts'

interface UnavailableOptions extends ErrorOptions {
  /** Whole seconds after which it is worth asking again; 1 by default. */
  readonly retryAfter?: number
}

/**
 * Whether a token is good cannot be told now: keys or revocations are out of reach. Says nothing about the token, so it
 * is neither a yes nor a no (I6): answer 503, not 401.
 */
export class VerifierUnavailableError extends SignetError {
  declare readonly code: 'ERR_VERIFIER_UNAVAILABLE'
  readonly retryAfter: number

  constructor(message: string, { retryAfter = 1, ...options }: UnavailableOptions = {}) {
    super('ERR_VERIFIER_UNAVAILABLE', message, options)
    this.retryAfter = retryAfter
  }
}
