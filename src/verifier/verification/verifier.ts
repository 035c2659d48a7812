import { type Clock, systemClock } from '../../time/clock.ts'
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

export interface SourceHealth {
  /** Keys, or revocations. */
  readonly count: number
  /** Milliseconds since they were last known to be what the authority has; undefined before the first load. */
  readonly ageMs: number | undefined
  /** Why the last fetch failed; undefined where it did not. */
  readonly problem: string | undefined
}

export interface VerifierHealth {
  readonly keys: SourceHealth
  /** `unknown` counts entries of a form that this version does not know. Undefined where revocations are off. */
  readonly revocations: (SourceHealth & { readonly unknown: number }) | undefined
  /** Tokens that are remembered as verified. */
  readonly cached: number
}

export interface Verifier {
  /**
   * Resolves with what the token says, frozen. Rejects with a TokenError, whose `code` is for the log and not for the
   * caller, or with a VerifierUnavailableError where it cannot be told.
   */
  verify(token: string): Promise<VerifiedToken>
  /**
   * At once what `verify` would resolve with, where this very token has been verified before and still is good; undefined
   * where `verify` has to be asked.
   */
  cached(token: string): VerifiedToken | undefined
  /** Resolves once keys and revocations are there; rejects with a VerifierUnavailableError after the time. */
  ready(timeoutMs?: number): Promise<void>
  /** Why nothing can be verified, for a readiness probe; undefined once it can. */
  notReady(): string | undefined
  health(): VerifierHealth
  /** Ends fetching. What is held still verifies. */
  close(): void
}

/** For tests: what is not an option of anybody. */
interface VerifierInternals {
  readonly clock?: Clock
  readonly random?: () => number
}

/**
 * Verifies tokens of one issuer for one audience, locally. Begins to fetch at once, in the background; what keeps the
 * process alive is a fetch that is under way, for `timeoutMs` at most. Throws a TypeError for options that cannot be.
 */
export function createVerifier(options: VerifierOptions, internals: VerifierInternals = {}): Verifier {
  const { clock = systemClock, random = Math.random } = internals
  const settings = settingsOf(options, mounted())
  const { issuer, logger, revocations } = settings
  const client = new HttpClient(settings)
  const shared = { fetch: fetchDocumentWith(client), clock, random }
  const keys = new JwksSource({ ...settings.keys, ...shared, ...told('keys', logger), issuer })
  const feed =
    revocations &&
    new RevocationListSource({ ...revocations, ...shared, ...told('revocations', logger), issuer: issuer.issuer })
  const verifier = new TokenVerifier({
    ...settings,
    issuer: issuer.issuer,
    keys,
    revocations: feed ?? noRevocations,
    clock,
  })
  const keysLoaded = keys.start()
  const feedLoaded = feed?.start()
  const loaded = Promise.all([keysLoaded, revocations?.optional === true ? undefined : feedLoaded])
  const notReady = (): string | undefined => keys.problem() ?? feed?.problem()
  return {
    verify: (token) => verifier.verify(token),
    cached: (token) => verifier.recall(token),
    ready: async (timeoutMs = 30_000) => {
      await within(loaded, timeoutMs)
      const problem = notReady()
      if (problem !== undefined) throw new VerifierUnavailableError(problem)
    },
    notReady,
    health: () => ({
      keys: { count: keys.size, ageMs: keys.ageMs, problem: keys.failure },
      revocations: feed && { count: feed.size, ageMs: feed.ageMs, problem: feed.failure, unknown: feed.unknown },
      cached: verifier.cached,
    }),
    close: () => {
      keys.close()
      feed?.close()
      client.close()
    },
  }
}

function told(what: string, logger: Logger) {
  return {
    onFailure: (problem: string) => logger.warn(`${what} cannot be fetched, keeping what is held`, { problem }),
    onRecovery: () => logger.info(`${what} are fetched again`),
  }
}

/** Node takes a longer one for one of a millisecond. */
const longestTimerMs = 2 ** 31 - 1

/** Waits for something no longer than that. */
async function within(done: Promise<unknown>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => late.resolve(undefined), Math.min(timeoutMs, longestTimerMs))
  await Promise.race([done, late.promise])
  clearTimeout(timer)
}
