import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../time/clock.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import { TokenBucket } from '../../time/token-bucket.ts'
import type { RecordName, RevocationStore } from '../../tokens/revocation-store.ts'
import type { SharedCache } from '../shared-cache/shared-cache.ts'

interface RevocationHintsOptions {
  readonly cache: Pick<SharedCache, 'publish' | 'subscribe'>
  readonly store: Pick<RevocationStore, 'look'>
  readonly logger: Logger
  /** The maximum number of concurrent reads; 8 by default. */
  readonly maxReads?: number
  readonly clock?: Pick<Clock, 'monotonic'>
}

const channel = 'revocations:1'
const form = /^([a-z0-9][-a-z0-9]{0,62})\/(token-[0-9a-f]{40}(?:-[0-9a-f]{10})?)$/
/** Sustained reads per second; twice as many at once after a pause. */
const readsPerSecond = 100
/** The number of records to remember as read, so that a repeated hint costs nothing. */
const maxRemembered = 4096

/**
 * Tells the other replicas, through the shared cache, which TokenRevocation has just been stored. A hint only names a
 * record, and the receiver reads the record from the API server: any client of the cache can send hints. So a false hint
 * revokes nothing, many hints cost a limited number of reads, and a lost hint is made up for by the watch.
 */
export class RevocationHints {
  readonly #options: Required<RevocationHintsOptions>
  readonly #stop: () => void
  /** `has` does not refresh an entry, so the record that was named first is evicted first. */
  readonly #seen = new LRUCache<string, true>({ max: maxRemembered })
  readonly #bucket: TokenBucket
  readonly #aborted = new AbortController()
  #reads = 0

  constructor(options: RevocationHintsOptions) {
    this.#options = { maxReads: 8, clock: systemClock, ...options }
    const rate = { perSecond: readsPerSecond, burst: 2 * readsPerSecond, overdraft: 0 }
    this.#bucket = new TokenBucket(rate, this.#options.clock.monotonic())
    this.#stop = options.cache.subscribe(channel, (message) => void this.#receive(message))
  }

  /** Sends a hint, without waiting for the cache. */
  send({ namespace, name }: RecordName): void {
    const message = `${namespace}/${name}`
    this.#remember(message)
    void this.#options.cache.publish(channel, message)
  }

  close(): void {
    this.#stop()
    this.#aborted.abort()
  }

  async #receive(message: string): Promise<void> {
    const { store, logger, maxReads, clock } = this.#options
    const [, namespace, name] = (message.length <= 128 && form.exec(message)) || []
    if (namespace === undefined || name === undefined) return
    if (this.#reads >= maxReads || this.#seen.has(message)) return
    if (this.#bucket.take(1, clock.monotonic()) === 0) return
    this.#reads += 1
    this.#remember(message)
    try {
      // A record that does not exist yet may be named again once it does.
      if (!(await store.look({ namespace, name }, this.#aborted.signal))) this.#seen.delete(message)
    } catch (error) {
      this.#seen.delete(message)
      logger.debug('cannot read the revocation that a hint names', { error: messageOf(error) })
    } finally {
      this.#reads -= 1
    }
  }

  #remember(message: string): void {
    if (!this.#seen.has(message)) this.#seen.set(message, true)
  }
}
