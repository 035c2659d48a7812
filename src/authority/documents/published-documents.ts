import { setImmediate as turn } from 'node:timers/promises'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { IssuerUrl } from '../../identity/issuer.ts'
import type { PublicKeySource } from '../../keys/public-key-source.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { publishableKeys } from '../../keys/publishable-keys.ts'
import { type Document, renderDocument } from './document.ts'
import { type Endpoint, locate } from './document-path.ts'
import { IssuerDocuments } from './issuer-documents.ts'

export interface PublishedDocument {
  readonly endpoint: Endpoint
  /** Absent until the keys have been read. */
  readonly document?: Document
}

/** The issuing keys that this replica serves to verifiers, in every scope. */
export interface ServedKeys {
  /** Returns the same list as long as the keys stay the same. */
  issuingKeys(): readonly PublicJwk[]
  /** Calls back after each change of the keys. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void
}

interface PublishedDocumentsOptions {
  readonly issuer: Pick<IssuerUrl, 'issuer' | 'path'>
  readonly source: PublicKeySource
  /** The OpenAPI description to serve; without it `/openapi.json` is 404. */
  readonly description?: Readonly<Record<string, unknown>>
  readonly logger: Logger
  /** The minimum time between two renderings, in milliseconds, which merges bursts of changes; 250 by default. */
  readonly interval?: number
}

/**
 * The documents of all issuers by path, rendered after each change of the keys. A JWK Set is only ever replaced by a newer
 * one (I4): neither a restarted nor a failing source withdraws a key.
 */
export class PublishedDocuments implements ServedKeys {
  readonly #options: Required<Omit<PublishedDocumentsOptions, 'description'>>
  readonly #issuers: IssuerDocuments
  /** The kids of refused keys that have been logged. */
  readonly #logged = new Set<string>()
  readonly #stop: () => void
  readonly #callbacks = new Set<() => void>()
  #issuingKeys: readonly PublicJwk[] = []
  #description: PublishedDocument | undefined
  #version = Number.NEGATIVE_INFINITY
  #rendering = false
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PublishedDocumentsOptions) {
    this.#options = { interval: 250, ...options }
    this.#issuers = new IssuerDocuments(options.issuer.issuer)
    const { description } = options
    if (description !== undefined) void this.#describe(description)
    this.#stop = options.source.onChange(() => this.#changed())
    this.#changed()
  }

  /** The document at a path; undefined if there is none. */
  get(path: string): PublishedDocument | undefined {
    const location = locate(this.#options.issuer.path, path)
    if (location === undefined) return undefined
    const { endpoint, scope } = location
    // The description does not depend on the keys.
    if (endpoint === 'openapi') return this.#description
    // Until the keys have been read, a scope without keys is not known to have none.
    if (this.notReady() !== undefined) return { endpoint }
    const document = this.#issuers.get(scope, endpoint)
    return document === undefined ? undefined : { endpoint, document }
  }

  /** Why no document can be served yet; undefined once the keys have been read. */
  notReady(): string | undefined {
    return this.#version === Number.NEGATIVE_INFINITY ? 'public keys have not been read yet' : undefined
  }

  issuingKeys(): readonly PublicJwk[] {
    return this.#issuingKeys
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback)
    return () => void this.#callbacks.delete(callback)
  }

  close(): void {
    this.#closed = true
    this.#stop()
    clearTimeout(this.#timer)
  }

  #changed(): void {
    if (this.#rendering || this.#timer !== undefined || !this.#isDue()) return
    void this.#render()
  }

  async #describe(description: Readonly<Record<string, unknown>>): Promise<void> {
    this.#description = { endpoint: 'openapi' }
    this.#description = { endpoint: 'openapi', document: await renderDocument(JSON.stringify(description)) }
  }

  #isDue(): boolean {
    const { source } = this.#options
    return !this.#closed && source.ready() && source.version > this.#version
  }

  async #render(): Promise<void> {
    const { logger, interval } = this.#options
    this.#rendering = true
    let pause = interval
    try {
      // One turn of the event loop, so that the changes of one list are rendered together.
      await turn()
      if (this.#isDue()) this.#version = await this.#publish()
    } catch (error) {
      // The previous documents stay published.
      logger.error('cannot publish keys', { error: messageOf(error) })
      pause = interval * 20
    }
    this.#rendering = false
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#changed()
    }, pause)
    this.#timer.unref()
  }

  /** Publishes the keys of the source and returns their version. */
  async #publish(): Promise<number> {
    const { source, logger } = this.#options
    const { version, sequence } = source
    const stored = { identities: source.identities(), issuingKeys: source.issuingKeys() }
    const { identities, issuingKeys, refused } = publishableKeys(stored)
    for (const [kid, why] of refused) {
      if (this.#logged.has(kid)) continue
      this.#logged.add(kid)
      logger.error('key is not published', { kid, why })
    }
    // Checking 10,000s of keys takes 100 ms, and so does rendering them: pending requests are answered in between.
    await turn()
    await this.#issuers.show({ identities, issuingKeys }, sequence)
    if (issuingKeys !== this.#issuingKeys) {
      this.#issuingKeys = issuingKeys
      for (const callback of this.#callbacks) callback()
    }
    return version
  }
}
