import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../time/clock.ts'
import { withDeadline } from '../../time/deadline.ts'
import type { Mounted } from '../pod/env.ts'
import { exchangeForm, type ExchangedAnswer, type ExchangeRequest, parseExchange } from './exchange.ts'
import { type FetchDocument, fetchDocumentWith } from '../http/fetch-document.ts'
import { HttpClient } from '../http/http-client.ts'
import { type IssuerUrl, parseIssuer } from '../../identity/issuer.ts'
import { maxMetadataBytes, metadataUrl, parseMetadata, wrongMetadata } from '../http/metadata.ts'
import { readToken } from './read-token.ts'
import type { TokenSource } from './token-source.ts'
import { TokenSourceError } from './token-source-error.ts'
import { type TrustOptions, trustOf } from '../http/trust.ts'
import { FetchError } from '../http/fetch-error.ts'

/** The options of a token exchange (RFC 8693). */
export interface ExchangeOptions extends ExchangeRequest, TrustOptions {
  /** The issuer of the requested token. Default: `SIGNET_ISSUER`. */
  readonly issuer?: string
  /**
   * The pod's projected ServiceAccount token. Its audience must be the issuer of the cluster, whatever the scope of
   * `issuer`.
   */
  readonly subjectTokenFile: string
  /** Limits one call of `token()` with its retries, in milliseconds. Default: 10 s. */
  readonly timeoutMs?: number
  /** Accepts an issuer at `http://127.0.0.1` as well. For tests. */
  readonly allowHttpLoopback?: boolean
}

interface ExchangeInternals {
  readonly clock?: Clock
  readonly random?: () => number
}

const tries = 4
const firstWaitMs = 100
const mostWaitMs = 5000
/** The longest pause after failures, in milliseconds: while the previous token is valid, and without a valid token. */
const mostPauseMs = { good: 30_000, none: 5000 } as const
const maxAnswerBytes = 64 * 1024

interface CurrentToken {
  readonly token: string
  /** Both on the monotonic clock, so that setting the wall clock does not age a token. */
  readonly refreshAt: number
  readonly goodUntil: number
}

/**
 * Exchanges the pod's ServiceAccount token at the issuer's token endpoint and returns the result while it is valid. A
 * call past 60 to 80 % of the token's lifetime starts one renewal in the background, so an idle service sends no
 * requests, and a fleet that starts at the same time spreads out.
 */
export class ExchangedToken implements TokenSource {
  readonly #options: ExchangeOptions
  readonly #issuer: IssuerUrl
  readonly #client: HttpClient
  readonly #fetch: FetchDocument
  readonly #clock: Clock
  readonly #random: () => number
  readonly #stop = new AbortController()
  #endpoint: string | undefined
  #current: CurrentToken | undefined
  #flight: Promise<string> | undefined
  #failures = 0
  #failure: TokenSourceError | undefined
  #pausedUntil = Number.NEGATIVE_INFINITY

  constructor(
    options: ExchangeOptions,
    pod: Mounted,
    { clock = systemClock, random = Math.random }: ExchangeInternals = {},
  ) {
    const issuer = options.issuer ?? pod.issuer
    if (!issuer) throw new TypeError('issuer is missing')
    if (!options.audience) throw new TypeError('audience is missing')
    if (!options.subjectTokenFile) throw new TypeError('subjectTokenFile is missing')
    this.#options = options
    this.#issuer = parseIssuer(issuer, options)
    this.#client = new HttpClient({ trust: trustOf(options, pod.trustBundleFile) })
    this.#fetch = fetchDocumentWith(this.#client)
    this.#clock = clock
    this.#random = random
  }

  async token(): Promise<string> {
    const now = this.#clock.monotonic()
    const current = this.#current
    const good = current !== undefined && now < current.goodUntil
    if (good && now < current.refreshAt) return current.token
    const paused = now < this.#pausedUntil ? this.#failure : undefined
    if (!good) {
      if (paused !== undefined) throw paused
      return this.#renew()
    }
    // The previous token is still valid. After a failure a later call retries.
    if (paused === undefined) this.#renew().catch(() => undefined)
    return current.token
  }

  close(): void {
    this.#stop.abort()
    this.#client.close()
  }

  #renew(): Promise<string> {
    this.#flight ??= this.#exchange().finally(() => (this.#flight = undefined))
    return this.#flight
  }

  async #exchange(): Promise<string> {
    if (this.#stop.signal.aborted) throw this.#failed(this.#stop.signal.reason)
    return withDeadline(this.#options.timeoutMs ?? 10_000, this.#stop.signal, async (signal) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          const { token, lifetimeMs } = await this.#ask(signal)
          this.#hold(token, lifetimeMs)
          return token
        } catch (error) {
          const wait = waitAfter(error, attempt, this.#random)
          if (wait === undefined || attempt >= tries) throw this.#failed(error)
          await sleep(wait, undefined, { signal }).catch(() => {
            throw this.#failed(error)
          })
        }
      }
    })
  }

  async #ask(signal: AbortSignal): Promise<ExchangedAnswer> {
    const { audience, subjectTokenFile } = this.#options
    // Read for each request, because the file is rotated.
    const subjectToken = await readToken(subjectTokenFile)
    this.#endpoint ??= await this.#locate(signal)
    const answer = await this.#client.send({
      method: 'POST',
      url: this.#endpoint,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: exchangeForm(subjectToken, this.#options),
      maxBytes: maxAnswerBytes,
      signal,
    })
    return parseExchange(answer, this.#issuer.issuer, audience, this.#clock.now())
  }

  /** One endpoint serves every issuer, so it is not below the issuer's URL. */
  async #locate(signal: AbortSignal): Promise<string> {
    const fetched = await this.#fetch(metadataUrl(this.#issuer), { maxBytes: maxMetadataBytes, signal })
    const { tokenEndpoint } = parseMetadata(fetched === 'unchanged' ? '' : fetched.text, this.#issuer)
    if (tokenEndpoint !== undefined) return tokenEndpoint
    throw wrongMetadata(this.#issuer, "has no token_endpoint on the issuer's origin")
  }

  #hold(token: string, lifetimeMs: number): void {
    const now = this.#clock.monotonic()
    const part = 0.6 + this.#random() / 5
    // The token must be received and verified before it expires.
    const margin = Math.min(10_000, lifetimeMs / 10)
    this.#current = { token, refreshAt: now + lifetimeMs * part, goodUntil: now + lifetimeMs - margin }
    this.#failures = 0
    this.#pausedUntil = Number.NEGATIVE_INFINITY
  }

  /** Records a failure and pauses, so that not every call sends a request. */
  #failed(cause: unknown): TokenSourceError {
    const now = this.#clock.monotonic()
    const retryAfterMs = retryAfterOf(cause)
    const most = this.#current !== undefined && now < this.#current.goodUntil ? mostPauseMs.good : mostPauseMs.none
    const pause = Math.min(most, 1000 * 2 ** Math.min(this.#failures, 10)) * (0.5 + this.#random() / 2)
    this.#failures += 1
    this.#endpoint = undefined
    this.#pausedUntil = now + Math.max(retryAfterMs ?? 0, pause)
    this.#failure =
      cause instanceof TokenSourceError
        ? cause
        : new TokenSourceError('ERR_TOKEN_SOURCE_UNAVAILABLE', 'the token endpoint cannot be reached', {
            cause,
            retryAfterMs,
          })
    return this.#failure
  }
}

/** Milliseconds until the next try; undefined if a retry cannot help. */
function waitAfter(error: unknown, attempt: number, random: () => number): number | undefined {
  const curable =
    error instanceof FetchError || (error instanceof TokenSourceError && error.code === 'ERR_TOKEN_SOURCE_UNAVAILABLE')
  if (!curable) return undefined
  const asked = retryAfterOf(error)
  // Fails at once, because the requested wait is longer than `mostWaitMs`.
  if (asked !== undefined && asked > mostWaitMs) return undefined
  const backOff = random() * Math.min(mostWaitMs, firstWaitMs * 2 ** attempt)
  return asked === undefined ? backOff : asked * (1 + random() / 4)
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof FetchError || error instanceof TokenSourceError ? error.retryAfterMs : undefined
}
