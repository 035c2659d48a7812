import type { Clock } from '../../time/clock.ts'
import { type Revocable, RevocationSet } from '../../tokens/revocation.ts'
import type { FetchDocument } from '../http/fetch-document.ts'
import { Refresher } from './refresher.ts'
import { mergeRevocations, readRevocations, type RevocationsByName } from './revocation-list.ts'
import { VerifierUnavailableError } from './verifier-unavailable-error.ts'
import { FetchError } from '../http/fetch-error.ts'

/** What the verifier asks about a token whose signature and claims are good. */
export interface RevocationSource {
  /** Changes with every change of what is revoked. */
  readonly version: number
  has(token: Revocable): boolean
  /** Why it cannot be told that something is not revoked; undefined where it can. */
  problem(): string | undefined
  /** Waits for the load that is under way where nothing is known yet. Rejects with a VerifierUnavailableError. */
  settle(): Promise<void>
}

export interface RevocationListSourceOptions {
  readonly issuer: string
  readonly url: string
  readonly fetch: FetchDocument
  /** Whether tokens are accepted while no list has ever been loaded. */
  readonly optional: boolean
  readonly maxBytes: number
  readonly maxEntries: number
  readonly refreshMs: number
  /** Infinity for no limit. */
  readonly maxAgeMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly onFailure?: (problem: string) => void
  readonly onRecovery?: () => void
}

const mostRetryMs = 30_000
/** How often an authority without a feed is asked whether it has one by now, in milliseconds. */
const absentMs = 60_000

/** The authority's live revocations, polled. What has once been read holds until nothing it means can be alive. */
export class RevocationListSource implements RevocationSource {
  readonly #options: RevocationListSourceOptions
  readonly #refresher: Refresher
  #listed: RevocationsByName = new Map()
  #held: RevocationsByName = new Map()
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
      // Soon again: what is missed is a token that somebody has stolen.
      retryMs: Math.min(refreshMs, mostRetryMs),
      firstRetryMs: Math.min(refreshMs, 1000),
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
    return this.#held.size
  }

  /** Entries of the last list whose form is not known here. */
  get unknown(): number {
    return this.#unknown
  }

  get ageMs(): number | undefined {
    return this.#loaded ? this.#refresher.ageMs : undefined
  }

  /** Why the last load failed; undefined where it did not. */
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
    return 'revocations have not been confirmed for too long'
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
    this.#held = mergeRevocations(this.#listed, this.#held, { now, maxEntries })
    this.#set = new RevocationSet(this.#held.values())
    this.#version += 1
    this.#loaded = true
  }
}

/** For `revocations: 'off'`. */
export const noRevocations: RevocationSource = {
  version: 0,
  has: () => false,
  problem: () => undefined,
  settle: () => Promise.resolve(),
}

/** An authority that serves no such document, being older, says so by 404. */
function explained(error: unknown): never {
  if (!(error instanceof FetchError) || error.status !== 404) throw error
  throw new FetchError(
    'ERR_FETCH_STATUS',
    `${error.message}: this authority publishes no revocations; upgrade it, or set revocations to 'optional' or 'off'`,
    { status: 404, retryAfterMs: absentMs, cause: error },
  )
}
