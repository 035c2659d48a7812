import { setImmediate as turn } from 'node:timers/promises'
import { SECOND } from '../../time/duration.ts'
import type { Revocable, Revocation } from '../../tokens/revocation.ts'
import type { Revocations } from '../../tokens/revocations.ts'
import { RevocationIndex } from '../../tokens/revocation-index.ts'
import type { CachedRevocation, RevocationFact } from './revocation-transform.ts'
import { keyOf } from '../client/object.ts'
import type { Reflector } from '../cache/reflector.ts'
import type { StoreEvent } from '../cache/store-changes.ts'

interface TokenRevocationCacheOptions {
  /** The watch of the TokenRevocations, with the transform of `revocationTransform`. */
  readonly reflector: Reflector<CachedRevocation>
  /**
   * Milliseconds since the epoch. The earlier of the local and the API server's clock, so that no revocation is dropped
   * too soon.
   */
  readonly now: () => number
  /** Milliseconds since the epoch by the API server's clock, which decides when a future revocation begins to apply. */
  readonly serverNow: () => number
}

interface Entry {
  readonly fact: RevocationFact
  readonly namespace: string
  /** Whether the revocation applies, and so is in the index. */
  applies: boolean
  /** Whether the object was deleted before its expiry. */
  deleted: boolean
}

/** Most revocations per namespace that are kept after their object was deleted before its expiry. */
const rememberedLimit = 1000

/** Changes of a list applied before the event loop runs other work: a few milliseconds' worth. */
const batch = 2000

/** Calls of `tick` between two sweeps for expired revocations. */
const sweepEvery = 15

/**
 * The revocations that the watch of TokenRevocations has brought. Only expiry removes one: while this process runs,
 * neither a broken watch, nor a shorter list, nor the deletion of an object before its expiry makes a token valid again
 * (I5). Of deleted objects, a namespace keeps 1000.
 */
export class TokenRevocationCache implements Revocations {
  readonly #options: TokenRevocationCacheOptions
  readonly #index = new RevocationIndex()
  /** Keyed by uid. */
  readonly #entries = new Map<string, Entry>()
  readonly #waiting = new Set<Entry>()
  /** Namespace → number of its revocations kept after their deletion. */
  readonly #remembered = new Map<string, number>()
  readonly #listeners = new Set<() => void>()
  readonly #timer: NodeJS.Timeout
  /** Changes received and not yet applied. */
  #pending: StoreEvent<CachedRevocation>[] = []
  #applying: Promise<void> | undefined
  #ready = false
  #list: readonly Revocation[] | undefined
  #version = 0
  #announced = false
  #ticks = 0

  constructor(options: TokenRevocationCacheOptions) {
    this.#options = options
    const { reflector } = options
    reflector.onEvent((event) => this.#received(event))
    // An aborted wait means that the process ends.
    void reflector.synced().then(
      () => this.#becomeReady(),
      () => undefined,
    )
    this.#timer = setInterval(() => this.tick(), SECOND).unref()
  }

  get version(): number {
    return this.#version
  }

  has(revocable: Revocable): boolean {
    return this.#index.has(revocable)
  }

  /** Whether every TokenRevocation of the first list has been applied. */
  ready(): boolean {
    return this.#ready
  }

  list(): readonly Revocation[] {
    if (this.#list === undefined) {
      const list: Revocation[] = []
      for (const { applies, fact } of this.#entries.values()) if (applies) list.push(fact.revocation)
      this.#list = list
    }
    return this.#list
  }

  /** Calls back once for changes that come together, such as those of a list. Returns a function that unsubscribes. */
  onChange(callback: () => void): () => void {
    this.#listeners.add(callback)
    return () => this.#listeners.delete(callback)
  }

  /** Applies an object that was read or written outside the watch, reduced by the reflector's transform. */
  apply({ metadata, fact }: CachedRevocation): void {
    const uid = metadata.uid ?? keyOf(metadata)
    const known = this.#entries.get(uid)
    if (known !== undefined && fact !== undefined && isSame(known.fact, fact)) return
    if (known !== undefined) this.#forget(uid, known)
    if (fact === undefined || fact.revocation.exp <= this.#now()) return
    const entry: Entry = { fact, namespace: metadata.namespace ?? '', applies: false, deleted: false }
    this.#entries.set(uid, entry)
    if (fact.from > this.#serverNow()) this.#waiting.add(entry)
    else this.#begin(entry)
  }

  /** Called every second: lets future revocations begin to apply, and drops expired ones. */
  tick(): void {
    const serverNow = this.#serverNow()
    for (const entry of this.#waiting) {
      if (entry.fact.from > serverNow) continue
      this.#waiting.delete(entry)
      this.#begin(entry)
    }
    if (this.#ticks++ % sweepEvery !== 0) return
    const now = this.#now()
    for (const [uid, entry] of this.#entries) {
      if (entry.fact.revocation.exp <= now) this.#forget(uid, entry)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Applies a large list in batches, to keep the event loop responsive. Later changes queue behind the list. */
  #received(event: StoreEvent<CachedRevocation>): void {
    if (!event.initial && this.#applying === undefined) {
      this.#learn(event)
      return
    }
    this.#pending.push(event)
    this.#applying ??= this.#applyPending()
  }

  async #applyPending(): Promise<void> {
    // The reflector delivers all events of a list in one turn of the event loop.
    await Promise.resolve()
    let count = 0
    for (const event of this.#pending) {
      this.#learn(event)
      if (++count % batch === 0) await turn()
    }
    this.#pending = []
    this.#applying = undefined
  }

  async #becomeReady(): Promise<void> {
    await this.#applying
    this.#ready = true
    // Listeners also wait for readiness.
    this.#changed()
  }

  #learn({ type, object }: StoreEvent<CachedRevocation>): void {
    if (type !== 'deleted') {
      this.apply(object)
      return
    }
    const uid = object.metadata.uid ?? keyOf(object.metadata)
    const entry = this.#entries.get(uid)
    if (entry === undefined || entry.deleted) return
    const remembered = this.#remembered.get(entry.namespace) ?? 0
    // The limit per namespace keeps a tenant that creates and deletes without end from exhausting the memory.
    if (entry.fact.revocation.exp <= this.#now() || remembered >= rememberedLimit) {
      this.#forget(uid, entry)
      return
    }
    entry.deleted = true
    this.#remembered.set(entry.namespace, remembered + 1)
  }

  #begin(entry: Entry): void {
    entry.applies = true
    this.#index.add(entry.fact.revocation)
    this.#changed()
  }

  #forget(uid: string, entry: Entry): void {
    this.#entries.delete(uid)
    this.#waiting.delete(entry)
    if (entry.deleted) {
      const left = (this.#remembered.get(entry.namespace) ?? 0) - 1
      if (left > 0) this.#remembered.set(entry.namespace, left)
      else this.#remembered.delete(entry.namespace)
    }
    if (!entry.applies) return
    this.#index.remove(entry.fact.revocation)
    this.#changed()
  }

  #changed(): void {
    this.#version += 1
    this.#list = undefined
    if (this.#announced) return
    this.#announced = true
    queueMicrotask(() => {
      this.#announced = false
      for (const listener of this.#listeners) listener()
    })
  }

  #now(): number {
    return this.#options.now() / SECOND
  }

  #serverNow(): number {
    return this.#options.serverNow() / SECOND
  }
}

function isSame(
  { revocation: one, from }: RevocationFact,
  { revocation: other, from: since }: RevocationFact,
): boolean {
  return (
    one.exp === other.exp &&
    from === since &&
    one.sub === other.sub &&
    one.jti === other.jti &&
    one.kid === other.kid &&
    one.issued_before === other.issued_before
  )
}
