import { setImmediate as turn } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import { type Document, renderDocument } from './document.ts'
import { Levels } from './issuer-documents.ts'
import { type Endpoint, locate } from './document-path.ts'
import type { Json } from '../openapi/schemas.ts'
import type { PublicKeySource } from '../../keys/public-key-source.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { publishableKeys } from '../verification/publishable-keys.ts'

export interface PublishedDocument {
  readonly endpoint: Endpoint
  /** Absent while no keys have been published at all. */
  readonly document?: Document
}

/** The authority's own keys that verifiers find here, at every level. */
export interface ServedKeys {
  /** The same list while they have not changed. */
  authorityKeys(): readonly PublicJwk[]
  /** Calls back after they have changed. Returns how to stop that. */
  onChange(callback: () => void): () => void
}

interface PublishedDocumentsOptions {
  readonly issuer: Pick<IssuerUrl, 'issuer' | 'path'>
  readonly source: PublicKeySource
  /** What is served, in the words of OpenAPI; without it there is no such document. */
  readonly description?: Json
  readonly logger: Logger
  /** Shortest time from one rendering to the next, in milliseconds, so that many changes make few renderings. */
  readonly interval?: number
}

/**
 * The documents of an issuer and of those below it, by path, rendered at each change. A set of keys is only ever
 * replaced by a newer one (I4): neither a source that starts anew nor one that fails takes a key away.
 */
export class PublishedDocuments implements ServedKeys {
  private readonly options: Required<Omit<PublishedDocumentsOptions, 'description'>>
  private readonly levels: Levels
  private readonly reported = new Set<string>()
  private readonly stop: () => void
  private readonly callbacks = new Set<() => void>()
  private ownKeys: readonly PublicJwk[] = []
  private description: PublishedDocument | undefined
  private version = Number.NEGATIVE_INFINITY
  private rendering = false
  private timer: NodeJS.Timeout | undefined
  private closed = false

  constructor(options: PublishedDocumentsOptions) {
    this.options = { interval: 250, ...options }
    this.levels = new Levels(options.issuer.issuer)
    const { description } = options
    if (description !== undefined) void this.describe(description)
    this.stop = options.source.onChange(() => this.changed())
    this.changed()
  }

  /** What is published at a path; undefined where nothing is, or no more. */
  get(path: string): PublishedDocument | undefined {
    const location = locate(this.options.issuer.path, path)
    if (location === undefined) return undefined
    const { endpoint, level } = location
    // Says what is served, whatever there is to serve.
    if (endpoint === 'openapi') return this.description
    // Until every key is there, nobody can say that a namespace or an identity has none.
    if (!this.ready()) return { endpoint }
    const document = this.levels.get(level, endpoint)
    return document === undefined ? undefined : { endpoint, document }
  }

  /** Whether every document is there. */
  ready(): boolean {
    return this.version !== Number.NEGATIVE_INFINITY
  }

  authorityKeys(): readonly PublicJwk[] {
    return this.ownKeys
  }

  onChange(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  close(): void {
    this.closed = true
    this.stop()
    clearTimeout(this.timer)
  }

  private changed(): void {
    if (this.rendering || this.timer !== undefined || !this.isDue()) return
    void this.render()
  }

  private async describe(description: Json): Promise<void> {
    this.description = { endpoint: 'openapi' }
    this.description = { endpoint: 'openapi', document: await renderDocument(JSON.stringify(description)) }
  }

  private isDue(): boolean {
    const { source } = this.options
    return !this.closed && source.ready() && source.version > this.version
  }

  private async render(): Promise<void> {
    const { logger, interval } = this.options
    this.rendering = true
    let pause = interval
    try {
      // Changes that come together, as those of a list do, are read together.
      await turn()
      if (this.isDue()) this.version = await this.publish()
    } catch (error) {
      // What was published stays published.
      logger.error('cannot publish keys', { error: messageOf(error) })
      pause = interval * 20
    }
    this.rendering = false
    if (this.closed) return
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.changed()
    }, pause)
    this.timer.unref()
  }

  /** Publishes what the source holds now, and says which version that was. */
  private async publish(): Promise<number> {
    const { source, logger } = this.options
    const { version, sequence } = source
    const stored = { identities: source.identities(), authorityKeys: source.authorityKeys() }
    const { identities, authorityKeys, refused } = publishableKeys(stored)
    for (const [kid, why] of refused) {
      if (this.reported.has(kid)) continue
      this.reported.add(kid)
      logger.error('key is not published', { kid, why })
    }
    // Tens of thousands of keys take a tenth of a second for each half: others get their turn in between.
    await turn()
    await this.levels.show({ identities, authorityKeys }, sequence)
    if (authorityKeys !== this.ownKeys) {
      this.ownKeys = authorityKeys
      for (const callback of this.callbacks) callback()
    }
    return version
  }
}
