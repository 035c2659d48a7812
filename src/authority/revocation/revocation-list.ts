import { type Clock, systemClock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { issuerAt } from '../../identity/issuer.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import { type Document, renderDocument } from '../documents/document.ts'
import { sortByLevel, writeRevocations } from './revocations-by-scope.ts'
import type { Revocations } from '../../tokens/revocations.ts'

interface RevocationFeedOptions {
  /** The issuer of the cluster level. */
  readonly issuer: string
  readonly revocations: Revocations
  readonly clock?: Clock
  /** Shortest time from one rendering of a document to the next, in milliseconds; 500 by default. */
  readonly interval?: number
  /** Most entries of a document; 200,000 by default, about 30 MB. */
  readonly maxEntries?: number
}

/** Something made of one version of the revocations, and when it may be made anew (monotonic milliseconds). */
interface Made<T> {
  readonly value: T
  readonly version: number
  readonly restsUntil: number
}

interface Rendering {
  /** Undefined where it would be too long. */
  readonly document: Document | undefined
  /** The earliest end of an entry, in seconds since the epoch. */
  readonly until: number
}

type Levels = ReadonlyMap<string, readonly Revocation[]>

/** Documents that are kept, besides that of the cluster. */
const keptLevels = 256
/** Making one takes at most about a tenth of the time. */
const restFactor = 9
/** Longest time from one rendering to the next, in milliseconds, where it took long because all else was busy. */
const longestRest = 10 * SECOND

/**
 * The live revocations of the cluster, of a namespace and of an identity as documents, each rendered when it is asked for
 * and something has changed: what nobody asks for costs nothing. A document is at most as old as the interval, or as ten
 * times what it takes to render, up to ten seconds; one below that of the cluster up to twice as old, since it is made of
 * what was sorted by level before.
 */
export class RevocationFeed {
  readonly #options: Required<RevocationFeedOptions>
  readonly #documents = new Map<string, Made<Rendering>>()
  readonly #rendering = new Map<string, Promise<Document | undefined>>()
  #levels: Made<Levels> | undefined
  #sorting: Promise<Made<Levels>> | undefined

  constructor(options: RevocationFeedOptions) {
    this.#options = { clock: systemClock, interval: 500, maxEntries: 200_000, ...options }
  }

  /**
   * The document of a level: nothing for the cluster, `/ns/shop` or `/ns/shop/sa/orders`. Undefined while it cannot be
   * told, because revocations have not been read yet or are more than a document may hold: verifiers keep what they have.
   */
  document(level: string): Document | Promise<Document | undefined> | undefined {
    const { revocations, clock } = this.#options
    if (!revocations.ready()) return undefined
    const known = this.#documents.get(level)
    if (
      known !== undefined &&
      (this.#rests(known) || (this.#isOf(known) && clock.now() < known.value.until * SECOND))
    ) {
      return known.value.document
    }
    let rendering = this.#rendering.get(level)
    if (rendering === undefined) {
      rendering = this.#render(level).finally(() => this.#rendering.delete(level))
      this.#rendering.set(level, rendering)
    }
    return rendering
  }

  async #render(level: string): Promise<Document | undefined> {
    const { revocations, clock, issuer, maxEntries } = this.#options
    const begun = clock.monotonic()
    let { version } = revocations
    let entries: readonly Revocation[]
    if (level === '') entries = revocations.list()
    else {
      const levels = await this.#sorted()
      version = levels.version
      entries = levels.value.get(level) ?? []
    }
    const { texts, until } = await writeRevocations(entries, clock.now() / SECOND)
    const head = `{"issuer":${JSON.stringify(issuerAt(issuer, level))},"revocations":[`
    const document = texts.length > maxEntries ? undefined : await renderDocument(`${head}${texts.join(',')}]}`)
    this.#documents.delete(level)
    this.#documents.set(level, this.#made({ document, until }, version, begun))
    // Whoever asks for levels that there are not must not have the one of all made anew.
    const [first, second] = this.#documents.keys()
    const oldest = first === '' ? second : first
    if (this.#documents.size > keptLevels + 1 && oldest !== undefined) this.#documents.delete(oldest)
    return document
  }

  /** By level: made when somebody asks for a level, and by one at a time. */
  async #sorted(): Promise<Made<Levels>> {
    if (this.#levels !== undefined && (this.#isOf(this.#levels) || this.#rests(this.#levels))) return this.#levels
    this.#sorting ??= this.#sort().finally(() => {
      this.#sorting = undefined
    })
    return this.#sorting
  }

  async #sort(): Promise<Made<Levels>> {
    const { revocations, clock } = this.#options
    const begun = clock.monotonic()
    const { version } = revocations
    this.#levels = this.#made(await sortByLevel(revocations.list()), version, begun)
    return this.#levels
  }

  #made<T>(value: T, version: number, begun: number): Made<T> {
    const { clock, interval } = this.#options
    const now = clock.monotonic()
    return { value, version, restsUntil: now + Math.max(interval, Math.min(longestRest, restFactor * (now - begun))) }
  }

  #rests({ restsUntil }: Made<unknown>): boolean {
    return this.#options.clock.monotonic() < restsUntil
  }

  #isOf({ version }: Made<unknown>): boolean {
    return version === this.#options.revocations.version
  }
}
