import type { Clock } from '../../time/clock.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { FetchDocument } from '../http/fetch-document.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import { maxMetadataBytes, metadataUrl, parseMetadata } from '../http/metadata.ts'
import { type KeysByID, readJwks } from './jwks-document.ts'
import { Refresher } from './refresher.ts'
import { VerifierUnavailableError } from './verifier-unavailable-error.ts'
import { FetchError } from '../http/fetch-error.ts'

/** Where the verifier's keys come from. */
export interface KeySource {
  /** Changes with every change of the keys. */
  readonly version: number
  /** The key of a kid as far as is known now: the same object for the same key. */
  get(kid: string): PublicJwk | undefined
  /** Why what is held must not be used; undefined where it may be. */
  problem(): string | undefined
  /** Asks for an unknown kid as often as is permitted. Rejects with a VerifierUnavailableError where it cannot be told. */
  seek(kid: string): Promise<void>
}

export interface JwksSourceOptions {
  readonly issuer: IssuerUrl
  readonly fetch: FetchDocument
  readonly maxBytes: number
  readonly refreshMs: number
  /** Milliseconds from a load that brought no unknown kid to the next, and after a failure. */
  readonly coolDownMs: number
  /** Infinity for no limit. */
  readonly maxAgeMs: number
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: () => number
  readonly onFailure?: (problem: string) => void
  readonly onRecovery?: () => void
}

const firstRetryMs = 1000
/** Part of the cool-down after a load that went well: a new identity should be known soon, and a thousand cost little. */
const briefly = 0.1
/** Loads of the JWK Set, all well, for one of the document that says where it is. */
const metadataEvery = 60

/**
 * The keys of an issuer, fetched in the background. Whatever the authority answers or does not answer, the last good set
 * stays: known keys verify on, as old as they are. Only an unknown kid then cannot be told.
 */
export class JwksSource implements KeySource {
  readonly #options: JwksSourceOptions
  readonly #refresher: Refresher
  #keys: KeysByID = new Map()
  #version = 0
  #jwksUri: string | undefined
  #etag: string | undefined
  #untilMetadata = 0
  /** The first kid that was unknown since the last load. */
  #sought: string | undefined
  /** When the last load began that was to bring a kid and did not. */
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

  /** Begins to load. Resolves with the first success. */
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

  /** Why the last load failed; undefined where it did not. */
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
    return this.#keys.size === 0 ? 'keys have not been loaded yet' : 'keys have not been confirmed for too long'
  }

  async seek(kid: string): Promise<void> {
    const refresher = this.#refresher
    const { clock } = this.#options
    if (this.#keys.has(kid)) return
    // A load that is under way may have begun before the key was published: that it does not bring it says nothing.
    if (!refresher.loading) this.#sought ??= kid
    const mayLoadAt = this.#mayLoadAt()
    if (refresher.loading || (this.#keys.size > 0 && clock.monotonic() >= mayLoadAt)) {
      await refresher.refresh()
      if (this.#keys.has(kid)) return
    } else if (this.#keys.size > 0) refresher.noLaterThan(mayLoadAt)
    // The set may have a key by now that we could not fetch: not for us to call the token bad.
    const reason = this.problem() ?? refresher.problem
    if (reason === undefined) return
    const seconds = this.#keys.size === 0 ? 1 : Math.ceil((this.#mayLoadAt() - clock.monotonic()) / 1000)
    throw new VerifierUnavailableError(`cannot tell whether a key is known: ${reason}`, {
      retryAfter: Math.max(1, seconds),
    })
  }

  /** When an unknown kid may be asked for: whoever makes kids up gets one load in each cool-down. */
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

  /** Where the JWK Set is: asked anew from time to time and after a failure. What is known serves where nobody answers. */
  async #locate(signal: AbortSignal): Promise<string> {
    const { issuer, fetch } = this.#options
    if (this.#jwksUri !== undefined && this.#untilMetadata > 0) return this.#jwksUri
    try {
      const fetched = await fetch(metadataUrl(issuer), { maxBytes: maxMetadataBytes, signal })
      // Nothing has been asked that could be unchanged.
      if (fetched === 'unchanged') throw new FetchError('ERR_FETCH_CONTENT', 'a document was not sent')
      const { jwksUri } = parseMetadata(fetched.text, issuer)
      this.#untilMetadata = metadataEvery
      return jwksUri
    } catch (error) {
      if (this.#jwksUri === undefined) throw error
      return this.#jwksUri
    }
  }
}
