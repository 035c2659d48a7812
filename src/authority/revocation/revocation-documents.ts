import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { issuerAt } from '../../identity/issuer.ts'
import type { Revocation } from '../../tokens/revocation.ts'
import { type Document, renderDocument } from '../documents/document.ts'
import { groupByScope, serializeRevocations } from './revocations-by-scope.ts'
import type { Revocations } from '../../tokens/revocations.ts'

interface RevocationDocumentsOptions {
  /** The cluster-scoped issuer. */
  readonly issuer: string
  readonly revocations: Revocations
  readonly clock?: Clock
  /** The minimum time between two renderings of a document, in milliseconds; 500 by default. */
  readonly interval?: number
  /** The maximum number of entries in a document; 200,000 by default, about 30 MB. */
  readonly maxEntries?: number
}

/** A value derived from one version of the revocations. */
interface Derived<T> {
  readonly value: T
  readonly version: number
  /** When it may be derived again, in milliseconds of the monotonic clock. */
  readonly restsUntil: number
}

interface Rendering {
  /** Undefined if there are too many entries. */
  readonly document: Document | undefined
  /** The earliest end of an entry, in seconds since the epoch. */
  readonly until: number
}

type ByScope = ReadonlyMap<string, readonly Revocation[]>

/** The maximum number of documents in memory, besides that of the cluster. */
const maxDocuments = 256
/** Rests this many times as long as a rendering took, so that rendering uses about a tenth of the time. */
const restFactor = 9
/** The longest rest, in milliseconds, even if a rendering took long because the process was busy. */
const longestRest = 10 * SECOND

/**
 * The live revocations of the cluster, of namespaces and of identities as documents, rendered on request after a change.
 * The age of a document is limited to the interval, or to ten times its rendering time, up to 10 s. A document below the
 * cluster scope may be twice as old, because it is made from revocations that were grouped by scope before.
 */
export class RevocationDocuments {
  readonly #options: Required<RevocationDocumentsOptions>
  /** The document of the cluster; requests for other scopes never evict it. */
  #cluster: Derived<Rendering> | undefined
  /** Only `peek` and `set` are used, so the document that was rendered first is evicted first. */
  readonly #documents = new LRUCache<string, Derived<Rendering>>({ max: maxDocuments })
  readonly #rendering = new Map<string, Promise<Document | undefined>>()
  #byScope: Derived<ByScope> | undefined
  #grouping: Promise<Derived<ByScope>> | undefined

  constructor(options: RevocationDocumentsOptions) {
    this.#options = { clock: systemClock, interval: 500, maxEntries: 200_000, ...options }
  }

  /**
   * The document of a scope: the empty path for the cluster, `/ns/shop` or `/ns/shop/sa/orders`. Undefined while
   * revocations have not been read, and if there are more than `maxEntries`: verifiers then keep what they have.
   */
  document(scope: string): Document | Promise<Document | undefined> | undefined {
    const { revocations, clock } = this.#options
    if (!revocations.ready()) return undefined
    const known = scope === '' ? this.#cluster : this.#documents.peek(scope)
    if (
      known !== undefined &&
      (this.#rests(known) || (this.#isCurrent(known) && clock.now() < known.value.until * SECOND))
    ) {
      return known.value.document
    }
    let rendering = this.#rendering.get(scope)
    if (rendering === undefined) {
      rendering = this.#render(scope).finally(() => this.#rendering.delete(scope))
      this.#rendering.set(scope, rendering)
    }
    return rendering
  }

  async #render(scope: string): Promise<Document | undefined> {
    const { revocations, clock, issuer, maxEntries } = this.#options
    const begun = clock.monotonic()
    let { version } = revocations
    let entries: readonly Revocation[]
    if (scope === '') entries = revocations.list()
    else {
      const byScope = await this.#grouped()
      version = byScope.version
      entries = byScope.value.get(scope) ?? []
    }
    const { texts, until } = await serializeRevocations(entries, clock.now() / SECOND)
    const head = `{"issuer":${JSON.stringify(issuerAt(issuer, scope))},"revocations":[`
    const document = texts.length > maxEntries ? undefined : await renderDocument(`${head}${texts.join(',')}]}`)
    const rendered = this.#derived({ document, until }, version, begun)
    if (scope === '') this.#cluster = rendered
    else this.#documents.set(scope, rendered)
    return document
  }

  /** Groups the revocations by scope when a scope below the cluster is requested; concurrent requests share the work. */
  async #grouped(): Promise<Derived<ByScope>> {
    if (this.#byScope !== undefined && (this.#isCurrent(this.#byScope) || this.#rests(this.#byScope))) {
      return this.#byScope
    }
    this.#grouping ??= this.#group().finally(() => {
      this.#grouping = undefined
    })
    return this.#grouping
  }

  async #group(): Promise<Derived<ByScope>> {
    const { revocations, clock } = this.#options
    const begun = clock.monotonic()
    const { version } = revocations
    this.#byScope = this.#derived(await groupByScope(revocations.list()), version, begun)
    return this.#byScope
  }

  #derived<T>(value: T, version: number, begun: number): Derived<T> {
    const { clock, interval } = this.#options
    const now = clock.monotonic()
    return { value, version, restsUntil: now + Math.max(interval, Math.min(longestRest, restFactor * (now - begun))) }
  }

  #rests({ restsUntil }: Derived<unknown>): boolean {
    return this.#options.clock.monotonic() < restsUntil
  }

  #isCurrent({ version }: Derived<unknown>): boolean {
    return version === this.#options.revocations.version
  }
}
