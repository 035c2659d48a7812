import { sameJson } from '../../json.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Logger } from '../../logger.ts'
import type { ClusterIssuer } from '../../tokens/cluster-issuer.ts'

interface ServiceAccountIssuerKeysOptions {
  /** Reads the issuer from the API server; rejects if the API server is unreachable or its answer unusable. */
  readonly read: (signal: AbortSignal) => Promise<ClusterIssuer>
  readonly clock: Clock
  readonly logger: Logger
  /** The interval between periodic reads, in milliseconds; 5 minutes by default. */
  readonly refreshMs?: number
  /** The minimum time between two reads, in milliseconds; 10 s by default. */
  readonly coolDownMs?: number
  /** The time limit of one read, in milliseconds; 5 s by default. */
  readonly timeoutMs?: number
}

/** The maximum number of tokens that wait for one read: the key that an unverified token names may be invented. */
const maxWaiting = 64

/**
 * The public keys of the cluster's ServiceAccount tokens, kept up to date. The last keys stay in use while the API server
 * is unreachable. An unknown key triggers a read, one at a time and at most once per cool-down, so that tokens with
 * invented keys cost nothing more.
 */
export class ServiceAccountIssuerKeys {
  readonly #options: Required<ServiceAccountIssuerKeysOptions>
  #issuer: string | undefined
  #keys: ReadonlyMap<string, PublicJwk> = new Map()
  #reading: Promise<boolean> | undefined
  #readAt = Number.NEGATIVE_INFINITY
  #succeeded = false
  #waiting = 0

  constructor(options: ServiceAccountIssuerKeysOptions) {
    this.#options = { refreshMs: 5 * MINUTE, coolDownMs: 10 * SECOND, timeoutMs: 5 * SECOND, ...options }
  }

  /** Undefined until the first successful read. */
  get issuer(): string | undefined {
    return this.#issuer
  }

  /** Whether at least one read has completed, successfully or not. */
  get hasAttempted(): boolean {
    return this.#readAt !== Number.NEGATIVE_INFINITY
  }

  /** Returns the same object as long as the key stays the same. */
  key(kid: string): PublicJwk | undefined {
    return this.#keys.get(kid)
  }

  /**
   * Reads the keys again, unless the last read is within the cool-down. Returns false if the read failed or too many
   * tokens wait for it: an unknown key may then exist.
   */
  async refresh(): Promise<boolean> {
    const { clock, coolDownMs } = this.#options
    if (this.#reading === undefined && clock.monotonic() - this.#readAt < coolDownMs) return this.#succeeded
    if (this.#waiting >= maxWaiting) return false
    this.#waiting += 1
    const succeeded = await this.#read()
    this.#waiting -= 1
    return succeeded
  }

  /** Reads the keys periodically until the signal is aborted; after a failure with exponential backoff. */
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
      this.#replace(await read(AbortSignal.timeout(timeoutMs)))
      this.#succeeded = true
    } catch (error) {
      this.#succeeded = false
      logger.warn('cannot read the keys of ServiceAccount tokens, keeping the last', { reason: messageOf(error) })
    }
    this.#readAt = clock.monotonic()
    return this.#succeeded
  }

  #replace({ issuer, keys }: ClusterIssuer): void {
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
