import { setImmediate as turn } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import { identityKey, type IdentityName } from '../../identity/service-identity.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Logger } from '../../logger.ts'
import type { PublicKeySource } from '../../keys/public-key-source.ts'
import { publishableKeys } from './publishable-keys.ts'

/** What the source holds at one moment. */
interface View {
  readonly keys: ReadonlyMap<string, PublicJwk>
  /** Identity → its uid. */
  readonly identities: ReadonlyMap<string, string | undefined>
}

interface KnownKeysOptions {
  readonly source: PublicKeySource
  readonly logger: Logger
  /** Shortest time from one reading to the next, in milliseconds, so that many changes make few readings. */
  readonly interval?: number
}

/** Most keys that are remembered to have been here, so that their absence is known not to be a delay. */
const mostWithdrawn = 10_000

/** The keys that tokens are verified with here, by kid, and the identities that exist: exactly what is published. */
export class KnownKeys {
  readonly #options: Required<KnownKeysOptions>
  readonly #listeners = new Set<() => void>()
  readonly #stop: () => void
  #view: View = { keys: new Map(), identities: new Map() }
  readonly #withdrawn = new Map<string, PublicJwk>()
  #version = Number.NEGATIVE_INFINITY
  #reading = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: KnownKeysOptions) {
    this.#options = { interval: 250, ...options }
    this.#stop = options.source.onChange(() => this.#changed())
    this.#changed()
  }

  /** Whether the keys are all there. Stays so: a source that starts anew takes nothing away. */
  ready(): boolean {
    return this.#version !== Number.NEGATIVE_INFINITY
  }

  /** Whether the source has told of changes that are not taken in yet. */
  isBehind(): boolean {
    return this.#options.source.version > this.#version
  }

  key(kid: string): PublicJwk | undefined {
    return this.#view.keys.get(kid)
  }

  /** A key that has been here and was withdrawn, as a revoked one is, or one that another hand has deleted. */
  withdrawn(kid: string): PublicJwk | undefined {
    return this.#withdrawn.get(kid)
  }

  /** One that was told of a moment ago exists, too. */
  exists(identity: IdentityName): boolean {
    return this.#view.identities.has(identityKey(identity)) || this.#options.source.has(identity)
  }

  /** Each identity that exists, as `shop/orders`, with its uid, where that is said; a new map after each change. */
  identities(): ReadonlyMap<string, string | undefined> {
    return this.#view.identities
  }

  /** Calls back after every reading. */
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
      // Changes that come together, as those of a list do, are read together.
      await turn()
      if (this.#isDue()) {
        const { version } = source
        const before = this.#view
        this.#view = viewOf(source)
        this.#version = version
        this.#noteWithdrawn(before)
        for (const listener of this.#listeners) listener()
      }
    } catch (error) {
      // What was known stays known.
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

  #noteWithdrawn({ keys }: View): void {
    for (const [kid, key] of keys) if (!this.#view.keys.has(kid)) this.#withdrawn.set(kid, key)
    for (const kid of this.#withdrawn.keys()) {
      if (this.#view.keys.has(kid) || this.#withdrawn.size > mostWithdrawn) this.#withdrawn.delete(kid)
    }
  }
}

function viewOf(source: PublicKeySource): View {
  const all = source.identities()
  const keys = new Map<string, PublicJwk>()
  const published = publishableKeys({ identities: all, authorityKeys: source.authorityKeys() })
  for (const key of published.authorityKeys) keys.set(key.kid, key)
  for (const one of published.identities) for (const key of one.keys) keys.set(key.kid, key)
  const identities = new Map(all.map(({ identity, uid }) => [identityKey(identity), uid]))
  return { keys, identities }
}
