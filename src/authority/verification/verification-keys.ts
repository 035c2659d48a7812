import { setImmediate as turn } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { messageOf } from '../../errors.ts'
import { identityKey, type IdentityName } from '../../identity/service-identity.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Logger } from '../../logger.ts'
import type { PublicKeySource } from '../../keys/public-key-source.ts'
import { publishableKeys } from '../../keys/publishable-keys.ts'

/** The state of the source at one version. */
interface View {
  readonly keys: ReadonlyMap<string, PublicJwk>
  /** Identity → its uid. */
  readonly identities: ReadonlyMap<string, string | undefined>
}

interface VerificationKeysOptions {
  readonly source: PublicKeySource
  readonly logger: Logger
  /** The minimum time between two reads, in milliseconds, which merges bursts of changes; 250 by default. */
  readonly interval?: number
}

/** The maximum number of withdrawn keys to remember. */
const maxWithdrawn = 10_000

/** The keys, by kid, that tokens are verified with, and the identities that exist: exactly what is published. */
export class VerificationKeys {
  readonly #options: Required<VerificationKeysOptions>
  readonly #listeners = new Set<() => void>()
  readonly #stop: () => void
  #view: View = { keys: new Map(), identities: new Map() }
  /** Only `peek` and `set` are used, so the key that was withdrawn first is evicted first. */
  readonly #withdrawn = new LRUCache<string, PublicJwk>({ max: maxWithdrawn })
  #version = Number.NEGATIVE_INFINITY
  #reading = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: VerificationKeysOptions) {
    this.#options = { interval: 250, ...options }
    this.#stop = options.source.onChange(() => this.#changed())
    this.#changed()
  }

  /** Whether the keys have been read. Stays true when the source restarts its watch. */
  ready(): boolean {
    return this.#version !== Number.NEGATIVE_INFINITY
  }

  /** Whether the source has observed changes that are not in this view yet. */
  isBehind(): boolean {
    return this.#options.source.version > this.#version
  }

  key(kid: string): PublicJwk | undefined {
    return this.#view.keys.get(kid)
  }

  /** A key that was published and is not any more: it was revoked, retired, or its ConfigMap was deleted. */
  withdrawn(kid: string): PublicJwk | undefined {
    return this.#withdrawn.peek(kid)
  }

  /** Also true for an identity that the source has just observed. */
  exists(identity: IdentityName): boolean {
    return this.#view.identities.has(identityKey(identity)) || this.#options.source.has(identity)
  }

  /** The identities, such as `shop/orders`, with their uid if it is known; a new map after each change. */
  identities(): ReadonlyMap<string, string | undefined> {
    return this.#view.identities
  }

  /** Calls back after every read. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  close(): void {
    this.#closed = true
    this.#stop()
    clearTimeout(this.#timer)
  }

  #changed(): void {
    if (this.#reading || this.#timer !== undefined || !this.#isDue()) return
    void this.#read()
  }

  #isDue(): boolean {
    const { source } = this.#options
    return !this.#closed && source.ready() && source.version > this.#version
  }

  async #read(): Promise<void> {
    const { source, logger, interval } = this.#options
    this.#reading = true
    try {
      // One turn of the event loop, so that the changes of one list are read together.
      await turn()
      if (this.#isDue()) {
        const { version } = source
        const before = this.#view
        this.#view = viewOf(source)
        this.#version = version
        this.#updateWithdrawn(before)
        for (const listener of this.#listeners) listener()
      }
    } catch (error) {
      // The previous view stays in use.
      logger.error('cannot read public keys', { error: messageOf(error) })
    }
    this.#reading = false
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#changed()
    }, interval)
    this.#timer.unref()
  }

  #updateWithdrawn({ keys }: View): void {
    // A copy, because deleting while iterating moves the cursor of an LRUCache.
    for (const kid of [...this.#withdrawn.keys()]) if (this.#view.keys.has(kid)) this.#withdrawn.delete(kid)
    for (const [kid, key] of keys) if (!this.#view.keys.has(kid)) this.#withdrawn.set(kid, key)
  }
}

function viewOf(source: PublicKeySource): View {
  const all = source.identities()
  const keys = new Map<string, PublicJwk>()
  const published = publishableKeys({ identities: all, issuingKeys: source.issuingKeys() })
  for (const key of published.issuingKeys) keys.set(key.kid, key)
  for (const one of published.identities) for (const key of one.keys) keys.set(key.kid, key)
  const identities = new Map(all.map(({ identity, uid }) => [identityKey(identity), uid]))
  return { keys, identities }
}
