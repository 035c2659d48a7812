import { SECOND } from '../../src/time/duration.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { type ConfigMap, publishedKeys } from '../../src/kube/keys/config-map-public-key-store.ts'

/** By how much the clock of one replica may differ from the true time, either way. */
export const clockError = 10 * SECOND

/** A set that verifiers could fetch, from one moment of the true time to another. */
export interface PublishedSet {
  /** kid → JWK as text */
  readonly keys: ReadonlyMap<string, string>
  readonly from: number
  to: number
  /** Another client deleted it: fetches until it is back and whole prove nothing. */
  readonly damaged: boolean
}

/** A key that has been published, as long as the history lasts. */
export interface PublishedKey {
  readonly label: string
  /** As a verifier read it first; as text, to be compared. */
  readonly publicJwk: PublicJwk
  readonly jwk: string
  /** When it was first published, in true time. */
  readonly publishedAt: number
  /** How far ahead of its first use that had to be, by the spec as known to the process that recorded the publication. */
  publishAhead: number
  recorded: boolean
  /** Flagged in the ring: it signed at once. */
  urgent: boolean
  gone: boolean
}

/** Every set ever published, so that a copy of any age can be asked. */
export class PublishedSets {
  readonly #keys = new Map<string, PublishedKey>()
  #sets: PublishedSet[] = [{ keys: new Map(), from: 0, to: Infinity, damaged: false }]

  get size(): number {
    return this.#keys.size
  }

  get current(): PublishedSet {
    const current = this.#sets.at(-1)
    if (current === undefined) throw new TypeError('there is always a set')
    return current
  }

  /** The algorithms of the published keys. */
  algorithms(): unknown[] {
    return [...this.current.keys.keys()].map((kid) => this.#keys.get(kid)?.publicJwk.alg)
  }

  key(kid: string): PublishedKey | undefined {
    return this.#keys.get(kid)
  }

  /** The key as a verifier reads it from the published set. */
  jwk(kid: string): PublicJwk | undefined {
    return this.current.keys.has(kid) ? this.#keys.get(kid)?.publicJwk : undefined
  }

  /** The sets that a verifier may go by at a moment, and that a key has to be in if it signs. */
  copiesFor({ publishedAt, publishAhead, urgent }: PublishedKey, time: number): readonly PublishedSet[] {
    const oldest = time - Math.max(publishAhead - 2 * clockError, 0)
    return this.#sets.filter(
      (set) => !set.damaged && (set === this.current || set.to > oldest) && (set.to > publishedAt || !urgent),
    )
  }

  /** Notes what is published from now on; says what must never happen to a set and yet did (I4). */
  publish(
    configMap: ConfigMap | undefined,
    about: {
      readonly time: number
      readonly publishAhead: number
      readonly damaged: boolean
      readonly orphaned: boolean
    },
  ): string[] {
    const { time, publishAhead, damaged, orphaned } = about
    const previous = this.current
    const published = (configMap && publishedKeys(configMap)) ?? []
    const keys = new Map(published.map((key) => [key.kid, JSON.stringify(key)]))
    previous.to = time
    this.#sets.push({ keys, from: time, to: Infinity, damaged })
    const wrong = published.flatMap((key) => this.#met(key, time, publishAhead, orphaned) ?? [])
    for (const kid of previous.keys.keys()) {
      const key = this.#keys.get(kid)
      if (key !== undefined && !damaged) key.gone = !keys.has(kid)
    }
    return wrong
  }

  #met(publicJwk: PublicJwk, publishedAt: number, publishAhead: number, orphaned: boolean): string | undefined {
    const { kid } = publicJwk
    const key = this.#keys.get(kid)
    const jwk = JSON.stringify(publicJwk)
    if (key === undefined) {
      const label = `K${this.#keys.size + 1}`
      this.#keys.set(kid, {
        label,
        publicJwk,
        jwk,
        publishedAt,
        publishAhead,
        recorded: false,
        urgent: false,
        gone: false,
      })
      return undefined
    }
    if (key.jwk !== jwk) return `the kid of ${key.label} names another key`
    return key.gone && !orphaned ? `the published set goes back: ${key.label} had left it` : undefined
  }
}
