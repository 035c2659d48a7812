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

export interface ExchangeOptions extends ExchangeRequest, TrustOptions {
  /** By default `SIGNET_ISSUER`. */
  readonly issuer?: string
  /** The pod's projected ServiceAccount token, whose audience has to be the cluster's issuer, whichever level `issuer` is. */
  readonly subjectTokenFile: string
  /** For all tries of one call together, in milliseconds; 10 s by default. */
  readonly timeoutMs?: number
  /** Also an issuer `http://127.0.0.1`: for tests. */
  readonly allowHttpLoopback?: boolean
}

interface ExchangeInternals {
  readonly clock?: Clock
  readonly random?: () => number
}

const tries = 4
const firstWaitMs = 100
const mostWaitMs = 5000
/** Longest time without a new try after failures, in milliseconds: with a token that is still good, and without. */
const mostPauseMs = { good: 30_000, none: 5000 } as const
const maxAnswerBytes = 64 * 1024

interface Held {
  readonly token: string
  /** Both on the monotonic clock: a wall clock that is set makes no token older. */
  readonly refreshAt: number
  readonly goodUntil: number
}

/**
 * Exchanges the pod's ServiceAccount token at the issuer's token endpoint and hands the result out for as long as it is
 * good. It is renewed when it is asked for past 60 to 80 % of its life, once for all that ask and in their background: a
 * service that is idle asks for nothing, and a fleet that was started at once does not ask at once.
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
  #held: Held | undefined
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
    const held = this.#held
    const good = held !== undefined && now < held.goodUntil
    if (good && now < held.refreshAt) return held.token
    const paused = now < this.#pausedUntil ? this.#failure : undefined
    if (!good) {
      if (paused !== undefined) throw paused
      return this.#renew()
    }
    // What is held serves meanwhile; where this fails, a later call tries again.
    if (paused === undefined) this.#renew().catch(() => undefined)
    return held.token
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
    // Read each time: it is rotated too.
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

  /** An authority has one endpoint for the issuers of all namespaces and identities, which is not below theirs. */
  async #locate(signal: AbortSignal): Promise<string> {
    const fetched = await this.#fetch(metadataUrl(this.#issuer), { maxBytes: maxMetadataBytes, signal })
    const { tokenEndpoint } = parseMetadata(fetched === 'unchanged' ? '' : fetched.text, this.#issuer)
    if (tokenEndpoint !== undefined) return tokenEndpoint
    throw wrongMetadata(this.#issuer, 'names no token endpoint on the origin of the issuer')
  }

  #hold(token: string, lifetimeMs: number): void {
    const now = this.#clock.monotonic()
    const part = 0.6 + this.#random() / 5
    // It has to arrive and be judged before it ends.
    const margin = Math.min(10_000, lifetimeMs / 10)
    this.#held = { token, refreshAt: now + lifetimeMs * part, goodUntil: now + lifetimeMs - margin }
    this.#failures = 0
    this.#pausedUntil = Number.NEGATIVE_INFINITY
  }

  /** Notes that nothing came of it, so that not every call asks again at once. */
  #failed(cause: unknown): TokenSourceError {
    const now = this.#clock.monotonic()
    const retryAfterMs = retryAfterOf(cause)
    const most = this.#held !== undefined && now < this.#held.goodUntil ? mostPauseMs.good : mostPauseMs.none
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

/** Milliseconds before the next try; undefined where another would come to the same. */
function waitAfter(error: unknown, attempt: number, random: () => number): number | undefined {
  const curable =
    error instanceof FetchError || (error instanceof TokenSourceError && error.code === 'ERR_TOKEN_SOURCE_UNAVAILABLE')
  if (!curable) return undefined
  const asked = retryAfterOf(error)
  // Who has to wait longer than it would be waited for is told at once.
  if (asked !== undefined && asked > mostWaitMs) return undefined
  const backOff = random() * Math.min(mostWaitMs, firstWaitMs * 2 ** attempt)
  return asked === undefined ? backOff : asked * (1 + random() / 4)
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof FetchError || error instanceof TokenSourceError ? error.retryAfterMs : undefined
}
