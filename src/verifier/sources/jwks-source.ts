import type { Clock } from '../../time/clock.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { FetchDocument } from '../http/fetch-document.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import { maxMetadataBytes, metadataUrl, parseMetadata } from '../http/metadata.ts'
import { type KeysByID, readJwks } from './jwks-document.ts'
import { Refresher } from './refresher.ts'
import { VerifierUnavailableError } from './verifier-unavailable-error.ts'
import { FetchError } from '../http/fetch-error.ts'

/** Provides the keys that tokens are verified with. */
export interface KeySource {
  /** Changes with every change of the keys. */
  readonly version: number
  /** The known key of a `kid`: the same object for the same key. */
  get(kid: string): PublicJwk | undefined
  /** Why the keys must not be used; undefined if usable. */
  problem(): string | undefined
  /**
   * Refreshes the keys for an unknown `kid`, as often as the rate limit permits. Rejects with a
   * VerifierUnavailableError if the key may exist but cannot be fetched.
   */
  seek(kid: string): Promise<void>
}

export interface JwksSourceOptions {
  readonly issuer: IssuerUrl
  readonly fetch: FetchDocument
  readonly maxBytes: number
  readonly refreshMs: number
  /** Milliseconds between two loads for unknown kids if the first was in vain, and after a failed load. */
  readonly coolDownMs: number
  /** In milliseconds; Infinity for no limit. */
  readonly maxAgeMs: number
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: () => number
  readonly onFailure?: (problem: string) => void
  readonly onRecovery?: () => void
}

const firstRetryMs = 1000
/** Share of the cool-down that applies after a successful load: new identities become known sooner. */
const briefly = 0.1
/** Reload the discovery document after this many successful loads of the JWK Set. */
const metadataEvery = 60

/**
 * Fetches the keys of an issuer in the background. A failed or unacceptable response never replaces the last good set,
 * so tokens of known keys still verify during an outage; only unknown kids are then undecided.
 */
export class JwksSource implements KeySource {
  readonly #options: JwksSourceOptions
  readonly #refresher: Refresher
  #keys: KeysByID = new Map()
  #version = 0
  #jwksUri: string | undefined
  #etag: string | undefined
  #untilMetadata = 0
  /** The first unknown kid that was asked for since the last load. */
  #sought: string | undefined
  /** When the last load began that was made for an unknown kid and did not find it. */
  #fruitlessAt = Number.NEGATIVE_INFINITY

  constructor(options: JwksSourceOptions) {
    this.#options = options
    const { refreshMs, coolDownMs, clock, random, onFailure, onRecovery } = options
    this.#refresher = new Refresher({
      load: (signal) => this.#load(signal),
      everyMs: refreshMs,
      retryMs: coolDownMs,
      firstRetryMs: Math.min(firstRetryMs, coolDownMs),
      clock,
      random,
      onFailure,
      onRecovery,
    })
  }

  /** Starts loading. Resolves with the first success. */
  start(): Promise<void> {
    void this.#refresher.refresh()
    return this.#refresher.loaded
  }

  close(): void {
    this.#refresher.close()
  }

  get version(): number {
    return this.#version
  }

  get size(): number {
    return this.#keys.size
  }

  get ageMs(): number | undefined {
    return this.#refresher.ageMs
  }

  /** Why the last load failed; undefined after a success. */
  get failure(): string | undefined {
    return this.#refresher.problem
  }

  get(kid: string): PublicJwk | undefined {
    return this.#keys.get(kid)
  }

  problem(): string | undefined {
    const { maxAgeMs } = this.#options
    if (this.#keys.size > 0 && (maxAgeMs === Number.POSITIVE_INFINITY || (this.ageMs ?? 0) <= maxAgeMs))
      return undefined
    return this.#keys.size === 0 ? 'keys have not been loaded yet' : 'keys have not been confirmed within maxKeysAgeMs'
  }

  async seek(kid: string): Promise<void> {
    const refresher = this.#refresher
    const { clock } = this.#options
    if (this.#keys.has(kid)) return
    // A load already in flight may predate the key, so its result does not count against the kid.
    if (!refresher.loading) this.#sought ??= kid
    const mayLoadAt = this.#mayLoadAt()
    if (refresher.loading || (this.#keys.size > 0 && clock.monotonic() >= mayLoadAt)) {
      await refresher.refresh()
      if (this.#keys.has(kid)) return
    } else if (this.#keys.size > 0) refresher.noLaterThan(mayLoadAt)
    // Without a fresh set the key may exist: the token is undecided, not invalid.
    const reason = this.problem() ?? refresher.problem
    if (reason === undefined) return
    const seconds = this.#keys.size === 0 ? 1 : Math.ceil((this.#mayLoadAt() - clock.monotonic()) / 1000)
    throw new VerifierUnavailableError(`cannot decide whether the key exists: ${reason}`, {
      retryAfter: Math.max(1, seconds),
    })
  }

  /** When an unknown kid may trigger a load. Invented kids cause at most one load per cool-down. */
  #mayLoadAt(): number {
    const { coolDownMs } = this.#options
    const well = this.#refresher.problem === undefined
    const afterAny = this.#refresher.mayLoadAt(well ? coolDownMs * briefly : coolDownMs)
    return Math.max(afterAny, this.#fruitlessAt + coolDownMs)
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { fetch, maxBytes } = this.#options
    const jwksUri = await this.#locate(signal)
    if (jwksUri !== this.#jwksUri) this.#etag = undefined
    this.#jwksUri = jwksUri
    try {
      const fetched = await fetch(jwksUri, { etag: this.#etag, maxBytes, signal })
      this.#untilMetadata -= 1
      if (fetched !== 'unchanged') {
        this.#keys = await readJwks(fetched.text, this.#keys)
        this.#etag = fetched.etag
        this.#version += 1
      }
      if (this.#sought !== undefined && !this.#keys.has(this.#sought)) this.#fruitlessAt = this.#refresher.startedAt
      this.#sought = undefined
    } catch (error) {
      this.#untilMetadata = 0
      throw error
    }
  }

  /**
   * The URL of the JWK Set, from the discovery document; reloaded periodically and after failures. The known URL is
   * kept if the document is unavailable.
   */
  async #locate(signal: AbortSignal): Promise<string> {
    const { issuer, fetch } = this.#options
    if (this.#jwksUri !== undefined && this.#untilMetadata > 0) return this.#jwksUri
    try {
      const fetched = await fetch(metadataUrl(issuer), { maxBytes: maxMetadataBytes, signal })
      // The request had no ETag.
      if (fetched === 'unchanged')
        throw new FetchError('ERR_FETCH_CONTENT', 'unexpected status 304 for the discovery document')
      const { jwksUri } = parseMetadata(fetched.text, issuer)
      this.#untilMetadata = metadataEvery
      return jwksUri
    } catch (error) {
      if (this.#jwksUri === undefined) throw error
      return this.#jwksUri
    }
  }
}
