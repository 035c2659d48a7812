import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { RateLimit } from '../oauth/rate-limit.ts'
import type { RecordName, RevocationStore } from '../../tokens/revocation-store.ts'
import type { SharedCache } from '../shared-cache/shared-cache.ts'

interface RevocationHintsOptions {
  readonly cache: Pick<SharedCache, 'publish' | 'subscribe'>
  readonly store: Pick<RevocationStore, 'look'>
  readonly logger: Logger
  /** Most records that are read at a time because of hints; 8 by default. */
  readonly maxLooks?: number
  readonly clock?: Pick<Clock, 'monotonic'>
}

const channel = 'revocations:1'
const form = /^([a-z0-9][-a-z0-9]{0,62})\/(token-[0-9a-f]{40}(?:-[0-9a-f]{10})?)$/
/** Most records that are read because of hints, all the time; twice as many at once after a pause. */
const looksPerSecond = 100
/** How many records are remembered as read, so that repeating a hint costs nothing. */
const rememberedLooks = 4096

/**
 * Replicas tell each other where a revocation has just been stored. A hint is never believed, since whoever reaches the
 * cache can send one: it names a record, which is read from the API server at once. So a false one revokes nothing; many
 * cost a bounded number of reads a second; and what is lost comes by the watch.
 */
export class RevocationHints {
  readonly #options: Required<RevocationHintsOptions>
  readonly #stop: () => void
  readonly #seen = new Set<string>()
  readonly #rate = new RateLimit({ perSecond: looksPerSecond, entries: 1 })
  readonly #aborted = new AbortController()
  #looks = 0

  constructor(options: RevocationHintsOptions) {
    this.#options = { maxLooks: 8, clock: systemClock, ...options }
    this.#stop = options.cache.subscribe(channel, (message) => void this.#heard(message))
  }

  tell({ namespace, name }: RecordName): void {
    const message = `${namespace}/${name}`
    this.#remember(message)
    void this.#options.cache.publish(channel, message)
  }

  close(): void {
    this.#stop()
    this.#aborted.abort()
  }

  async #heard(message: string): Promise<void> {
    const { store, logger, maxLooks, clock } = this.#options
    const [, namespace, name] = (message.length <= 128 && form.exec(message)) || []
    if (namespace === undefined || name === undefined) return
    if (this.#looks >= maxLooks || this.#seen.has(message)) return
    if (this.#rate.take(channel, clock.monotonic()) > 0) return
    this.#looks += 1
    this.#remember(message)
    try {
      // One that is not there yet may be named again when it is.
      if (!(await store.look({ namespace, name }, this.#aborted.signal))) this.#seen.delete(message)
    } catch (error) {
      this.#seen.delete(message)
      logger.debug('a hint about a revocation could not be followed', { error: messageOf(error) })
    } finally {
      this.#looks -= 1
    }
  }

  #remember(message: string): void {
    this.#seen.add(message)
    const [oldest] = this.#seen
    if (this.#seen.size > rememberedLooks && oldest !== undefined) this.#seen.delete(oldest)
  }
}
