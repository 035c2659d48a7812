import { sameJson } from '../../json.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Logger } from '../../logger.ts'

/** Who signs the cluster's ServiceAccount tokens, and with which keys. */
export interface ClusterIssuer {
  readonly issuer: string
  readonly keys: readonly PublicJwk[]
}

interface ClusterKeysOptions {
  /** Asks the API server; rejects where it cannot be asked or says nothing that can be used. */
  readonly read: (signal: AbortSignal) => Promise<ClusterIssuer>
  readonly clock: Clock
  readonly logger: Logger
  /** How often the keys are read anyway, in milliseconds; 5 minutes by default. */
  readonly refreshMs?: number
  /** Shortest time between two readings, in milliseconds, whatever tokens come; 10 s by default. */
  readonly coolDownMs?: number
  /** How long one reading may take, in milliseconds; 5 s by default. */
  readonly timeoutMs?: number
}

/** Most tokens that wait for one reading: the key that an unverified token names may be made up. */
const mostWaiting = 64

/**
 * The keys of the cluster's ServiceAccount tokens, kept fresh. The last good ones stay while the API server is away. An
 * unknown key makes it look again, one reading at a time, and not again soon: tokens with made-up keys cost nothing more.
 */
export class ClusterKeys {
  readonly #options: Required<ClusterKeysOptions>
  #issuer: string | undefined
  #keys: ReadonlyMap<string, PublicJwk> = new Map()
  #reading: Promise<boolean> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #succeeded = false
  #waiting = 0

  constructor(options: ClusterKeysOptions) {
    this.#options = { refreshMs: 5 * MINUTE, coolDownMs: 10 * SECOND, timeoutMs: 5 * SECOND, ...options }
  }

  /** Undefined while it has never been read. */
  get issuer(): string | undefined {
    return this.#issuer
  }

  /** Whether it has asked at least once, well or badly: waiting on may be in vain. */
  get hasAsked(): boolean {
    return this.#readAt !== Number.NEGATIVE_INFINITY
  }

  /** The same object for the same key. */
  key(kid: string): PublicJwk | undefined {
    return this.#keys.get(kid)
  }

  /**
   * Looks again, unless that was done a moment ago: then what is known is as good. False where the API server cannot be
   * asked, or too many wait for it, so that what is not known cannot be told from what is not there.
   */
  async lookAgain(): Promise<boolean> {
    const { clock, coolDownMs } = this.#options
    if (this.#reading === undefined && clock.monotonic() - this.#readAt < coolDownMs) return this.#succeeded
    if (this.#waiting >= mostWaiting) return false
    this.#waiting += 1
    const succeeded = await this.#read()
    this.#waiting -= 1
    return succeeded
  }

  /** Reads now and then until the signal is aborted: soon again after a failure, more and more rarely. */
  async run(signal: AbortSignal): Promise<void> {
    const { refreshMs } = this.#options
    let failures = 0
    while (!signal.aborted) {
      failures = (await this.#read()) ? 0 : failures + 1
      const wait = failures === 0 ? refreshMs : Math.min(refreshMs, SECOND * 2 ** Math.min(failures, 5))
      await sleep(wait * (0.9 + 0.2 * Math.random()), undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  #read(): Promise<boolean> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readOnce(): Promise<boolean> {
    const { read, clock, logger, timeoutMs } = this.#options
    try {
      this.#take(await read(AbortSignal.timeout(timeoutMs)))
      this.#succeeded = true
    } catch (error) {
      this.#succeeded = false
      logger.warn('cannot read the keys of ServiceAccount tokens, keeping the last', { reason: messageOf(error) })
    }
    this.#readAt = clock.monotonic()
    return this.#succeeded
  }

  #take({ issuer, keys }: ClusterIssuer): void {
    const known = this.#keys
    this.#keys = new Map(
      keys.map((key) => {
        const same = known.get(key.kid)
        return [key.kid, same !== undefined && sameJson(same, key) ? same : key]
      }),
    )
    if (issuer === this.#issuer) return
    this.#issuer = issuer
    this.#options.logger.info('issuer of ServiceAccount tokens', { clusterIssuer: issuer, keys: keys.length })
  }
}
