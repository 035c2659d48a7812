import { type Clock, systemClock } from '../../time/clock.ts'
import { settles } from '../../time/deadline.ts'
import type { Logger } from '../../logger.ts'
import type { VerifiedToken } from '../../tokens/verify.ts'
import { mounted } from '../pod/env.ts'
import { fetchDocumentWith } from '../http/fetch-document.ts'
import { HttpClient } from '../http/http-client.ts'
import { JwksSource } from '../sources/jwks-source.ts'
import { noRevocations, RevocationListSource } from '../sources/revocation-source.ts'
import { TokenVerifier } from './token-verifier.ts'
import { type VerifierOptions, settingsOf } from './verifier-options.ts'
import { VerifierUnavailableError } from '../sources/verifier-unavailable-error.ts'

/** The state of the keys or revocations in memory. */
export interface SourceHealth {
  /** Number of keys or revocations. */
  readonly count: number
  /** Milliseconds since the authority last confirmed the data; undefined before the first load. */
  readonly ageMs: number | undefined
  /** Why the last request failed; undefined after a success. */
  readonly problem: string | undefined
}

/** The state of a verifier, for metrics and diagnosis. */
export interface VerifierHealth {
  readonly keys: SourceHealth
  /** `unknown` counts entries of a form that this version does not know. Undefined if revocations are off. */
  readonly revocations: (SourceHealth & { readonly unknown: number }) | undefined
  /** Number of remembered tokens. */
  readonly cached: number
}

/** Verifies the tokens of one issuer for one audience. */
export interface Verifier {
  /**
   * Verifies a token and resolves with its header and claims, frozen. Rejects with a TokenError if the token is refused
   * (log its `code`, and do not return it to the caller), or with a VerifierUnavailableError if keys or revocations are
   * unavailable.
   */
  verify(token: string): Promise<VerifiedToken>
  /**
   * Returns synchronously what `verify` would resolve with, for a token verified before that is still valid. Returns
   * undefined for any other token: call `verify`.
   */
  cached(token: string): VerifiedToken | undefined
  /**
   * Resolves once the keys are loaded, and with `revocations: 'required'` the list of revocations. Rejects with a
   * VerifierUnavailableError after `timeoutMs` milliseconds. Default: 30 s.
   */
  ready(timeoutMs?: number): Promise<void>
  /** Why tokens cannot be verified, for a readiness probe; undefined when ready. */
  notReady(): string | undefined
  /** The current state, for metrics and diagnosis. */
  health(): VerifierHealth
  /** Stops all requests. Loaded keys and revocations remain usable. */
  close(): void
}

/** For tests. */
interface VerifierInternals {
  readonly clock?: Clock
  readonly random?: () => number
}

/**
 * Creates a verifier of one issuer's tokens for one audience. Tokens are verified in process; keys and revocations are
 * fetched in the background, beginning at once. Only a request in flight keeps the process alive, for `timeoutMs` at
 * most. Throws a TypeError for invalid options.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({ audience: 'payments' })
 * const { claims } = await verifier.verify(token)
 * console.log(claims.sub) // spiffe://example.org/ns/shop/sa/orders
 * ```
 */
export function createVerifier(options: VerifierOptions, internals: VerifierInternals = {}): Verifier {
  const { clock = systemClock, random = Math.random } = internals
  const settings = settingsOf(options, mounted())
  const { issuer, logger, revocations } = settings
  const client = new HttpClient(settings)
  const shared = { fetch: fetchDocumentWith(client), clock, random }
  const keys = new JwksSource({ ...settings.keys, ...shared, ...loggingOf('keys', logger), issuer })
  const list =
    revocations &&
    new RevocationListSource({ ...revocations, ...shared, ...loggingOf('revocations', logger), issuer: issuer.issuer })
  const verifier = new TokenVerifier({
    ...settings,
    issuer: issuer.issuer,
    keys,
    revocations: list ?? noRevocations,
    clock,
  })
  const keysLoaded = keys.start()
  const listLoaded = list?.start()
  const loaded = Promise.all([keysLoaded, revocations?.optional === true ? undefined : listLoaded])
  const notReady = (): string | undefined => keys.problem() ?? list?.problem()
  return {
    verify: (token) => verifier.verify(token),
    cached: (token) => verifier.recall(token),
    ready: async (timeoutMs = 30_000) => {
      await settles(loaded, timeoutMs)
      const problem = notReady()
      if (problem !== undefined) throw new VerifierUnavailableError(problem)
    },
    notReady,
    health: () => ({
      keys: { count: keys.size, ageMs: keys.ageMs, problem: keys.failure },
      revocations: list && { count: list.size, ageMs: list.ageMs, problem: list.failure, unknown: list.unknown },
      cached: verifier.cached,
    }),
    close: () => {
      keys.close()
      list?.close()
      client.close()
    },
  }
}

function loggingOf(what: string, logger: Logger) {
  return {
    onFailure: (problem: string) => logger.warn(`${what} cannot be fetched, using the last ones`, { problem }),
    onRecovery: () => logger.info(`${what} can be fetched again`),
  }
}
