import type { Clock } from '../../time/clock.ts'
import { type Revocable, RevocationSet } from '../../tokens/revocation.ts'
import type { FetchDocument } from '../http/fetch-document.ts'
import { Refresher } from './refresher.ts'
import { mergeRevocations, readRevocations, type RevocationsByName } from './revocation-list.ts'
import { VerifierUnavailableError } from './verifier-unavailable-error.ts'
import { FetchError } from '../http/fetch-error.ts'

/** Decides whether a token with valid signature and claims is revoked. */
export interface RevocationSource {
  /** Changes with every change of the revocations. */
  readonly version: number
  has(token: Revocable): boolean
  /** Why revocations are undecided; undefined if they are known. */
  problem(): string | undefined
  /**
   * Waits for the first load if it is in flight. Rejects with a VerifierUnavailableError while revocations are
   * undecided.
   */
  settle(): Promise<void>
}

export interface RevocationListSourceOptions {
  readonly issuer: string
  readonly url: string
  readonly fetch: FetchDocument
  /** Accepts tokens until a list has been loaded. */
  readonly optional: boolean
  readonly maxBytes: number
  readonly maxEntries: number
  readonly refreshMs: number
  /** In milliseconds; Infinity for no limit. */
  readonly maxAgeMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly onFailure?: (problem: string) => void
  readonly onRecovery?: () => void
}

const mostRetryMs = 30_000
/** Milliseconds between tries if the authority serves no list, and between removals of expired revocations. */
const absentMs = 60_000

/**
 * Polls the authority's revocations. A revocation stays in force until every token it covers has expired, even if the
 * list no longer names it.
 */
export class RevocationListSource implements RevocationSource {
  readonly #options: RevocationListSourceOptions
  readonly #refresher: Refresher
  #listed: RevocationsByName = new Map()
  #inForce: RevocationsByName = new Map()
  #set = new RevocationSet([])
  #version = 0
  #unknown = 0
  #etag: string | undefined
  #loaded = false
  #prunedAt = 0

  constructor(options: RevocationListSourceOptions) {
    this.#options = options
    const { refreshMs, clock, random, onFailure, onRecovery } = options
    this.#refresher = new Refresher({
      load: (signal) => this.#load(signal),
      everyMs: refreshMs,
      // Retried soon: a missed revocation may be a stolen token.
      retryMs: Math.min(refreshMs, mostRetryMs),
      firstRetryMs: Math.min(refreshMs, 1000),
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
    return this.#inForce.size
  }

  /** Number of entries in the last list whose form is unknown to this version. */
  get unknown(): number {
    return this.#unknown
  }

  get ageMs(): number | undefined {
    return this.#loaded ? this.#refresher.ageMs : undefined
  }

  /** Why the last load failed; undefined after a success. */
  get failure(): string | undefined {
    return this.#refresher.problem
  }

  has(token: Revocable): boolean {
    return this.#set.has(token)
  }

  problem(): string | undefined {
    const { optional, maxAgeMs } = this.#options
    if (!this.#loaded) return optional ? undefined : this.#notLoaded()
    if (maxAgeMs === Number.POSITIVE_INFINITY || (this.ageMs ?? 0) <= maxAgeMs) return undefined
    return 'revocations have not been confirmed within maxRevocationsAgeMs'
  }

  async settle(): Promise<void> {
    if (!this.#loaded && this.#refresher.loading) await this.#refresher.refresh()
    const problem = this.problem()
    if (problem !== undefined) throw new VerifierUnavailableError(problem)
  }

  #notLoaded(): string {
    const failure = this.#refresher.problem
    return `revocations have not been loaded yet${failure === undefined ? '' : `: ${failure}`}`
  }

  async #load(signal: AbortSignal): Promise<void> {
    const { fetch, url, issuer, maxBytes, maxEntries } = this.#options
    const fetched = await fetch(url, { etag: this.#etag, maxBytes, signal }).catch(explained)
    if (fetched !== 'unchanged') {
      const { list, unknown } = readRevocations(fetched.text, issuer, maxEntries)
      this.#listed = list
      this.#unknown = unknown
      this.#etag = fetched.etag
    }
    const now = this.#options.clock.now()
    if (fetched === 'unchanged' && now - this.#prunedAt < absentMs && now >= this.#prunedAt) return
    this.#prunedAt = now
    this.#inForce = mergeRevocations(this.#listed, this.#inForce, { now, maxEntries })
    this.#set = new RevocationSet(this.#inForce.values())
    this.#version += 1
    this.#loaded = true
  }
}

/** Used for `revocations: 'off'`. */
export const noRevocations: RevocationSource = {
  version: 0,
  has: () => false,
  problem: () => undefined,
  settle: () => Promise.resolve(),
}

/** Explains a 404: the authority's version predates revocations. */
function explained(error: unknown): never {
  if (!(error instanceof FetchError) || error.status !== 404) throw error
  throw new FetchError(
    'ERR_FETCH_STATUS',
    `${error.message}: this authority publishes no revocations; upgrade the authority, or set revocations to 'optional' or 'off'`,
    { status: 404, retryAfterMs: absentMs, cause: error },
  )
}
