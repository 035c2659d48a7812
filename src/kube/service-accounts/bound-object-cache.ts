import { LRUCache } from 'lru-cache'
import { type Clock, parseTime, systemClock } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { messageOf } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { BoundObjects, BoundReference } from '../../tokens/bound-objects.ts'
import type { BoundObject } from '../../tokens/service-account-token.ts'
import type { KubeClient } from '../client/client.ts'
import type { KubeObject } from '../client/object.ts'
import { Reflector } from '../cache/reflector.ts'
import { type Resource, resources } from '../client/resource.ts'

interface BoundObjectCacheOptions {
  readonly client: KubeClient
  /** The namespaces to watch; empty for all. Objects of other namespaces count as absent. */
  readonly namespaces: readonly string[]
  readonly logger: Logger
  readonly clock?: Clock
}

type Presence = 'present' | 'absent' | 'unknown'

/** A deleted object counts as absent this long after its grace period, as the API server has it; in milliseconds. */
const leewayMs = MINUTE
/** Limit of one read, in milliseconds. */
const readMs = 2 * SECOND
/** Most concurrent reads. Beyond, the answer is `unknown`. */
const maxReads = 32
/** How long an object that was not found counts as absent without another read, in milliseconds. */
const absentMs = 5 * SECOND
const maxAbsent = 10_000
/** Shortest time between two warnings, in milliseconds. */
const warningMs = 10 * SECOND

/**
 * Knows which pods and ServiceAccounts exist, by uid, from a watch of their metadata. Objects that the watch has not
 * brought are read from the API server; concurrent calls for the same object share a read.
 */
export class BoundObjectCache implements BoundObjects {
  readonly #options: BoundObjectCacheOptions
  readonly #clock: Clock
  readonly #namespaces: ReadonlySet<string>
  readonly #pods: Reflector<KubeObject>
  readonly #accounts: Reflector<KubeObject>
  readonly #reads = new Map<string, Promise<Presence>>()
  /** Object → until when it counts as absent, in milliseconds of the monotonic clock. */
  readonly #absent = new LRUCache<string, number>({ max: maxAbsent })
  #warnedAt = Number.NEGATIVE_INFINITY

  constructor(options: BoundObjectCacheOptions) {
    const { client, namespaces, logger } = options
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#namespaces = new Set(namespaces)
    const watch = (resource: Resource) =>
      new Reflector<KubeObject>({ client, resource, namespaces, metadataOnly: true, transform: leanObject, logger })
    this.#pods = watch(resources.pods)
    this.#accounts = watch(resources.serviceAccounts)
  }

  get pods(): number {
    return this.#pods.store.size
  }

  /** Whether the first lists are complete. */
  get hasSynced(): boolean {
    return this.#pods.hasSynced && this.#accounts.hasSynced
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods.run(signal), this.#accounts.run(signal)])
  }

  areKnown({ namespace, account, pod }: BoundReference): boolean {
    return this.#isKnown(this.#pods, namespace, pod) && this.#isKnown(this.#accounts, namespace, account)
  }

  async look(reference: BoundReference): Promise<Presence> {
    const { namespace, account, pod } = reference
    if (this.#namespaces.size > 0 && !this.#namespaces.has(namespace)) return 'absent'
    const [first, second] = await Promise.all([
      this.#presenceOf(this.#pods, namespace, pod),
      this.#presenceOf(this.#accounts, namespace, account),
    ])
    if (first === 'absent' || second === 'absent') return 'absent'
    return first === 'present' && second === 'present' ? 'present' : 'unknown'
  }

  #isKnown({ store }: Reflector<KubeObject>, namespace: string, { name, uid }: BoundObject): boolean {
    const known = store.get({ namespace, name })
    return known?.metadata.uid === uid && !this.#isGone(known)
  }

  #isGone({ metadata }: KubeObject): boolean {
    const { deletionTimestamp } = metadata
    if (deletionTimestamp === undefined) return false
    return this.#clock.now() > (parseTime(deletionTimestamp) ?? 0) + leewayMs
  }

  #presenceOf(reflector: Reflector<KubeObject>, namespace: string, object: BoundObject): Promise<Presence> {
    if (this.#isKnown(reflector, namespace, object)) return Promise.resolve('present')
    const key = `${reflector.resource.plural}/${namespace}/${object.name}/${object.uid}`
    if ((this.#absent.peek(key) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonic()) return Promise.resolve('absent')
    const pending = this.#reads.get(key)
    if (pending !== undefined) return pending
    if (this.#reads.size >= maxReads) return Promise.resolve('unknown')
    const read = this.#read(reflector, namespace, object).then((presence) => {
      this.#reads.delete(key)
      if (presence === 'absent') this.#absent.set(key, this.#clock.monotonic() + absentMs)
      return presence
    })
    this.#reads.set(key, read)
    return read
  }

  async #read(reflector: Reflector<KubeObject>, namespace: string, { name, uid }: BoundObject): Promise<Presence> {
    const { resource, store } = reflector
    let found: KubeObject | undefined
    try {
      found = await this.#options.client.get<KubeObject>(resource, { namespace, name }, { timeoutMs: readMs })
    } catch (error) {
      this.#warn(resource, error)
      return 'unknown'
    }
    if (found?.metadata.uid !== uid || this.#isGone(found)) return 'absent'
    // The watch has yet to bring the object. If the watch has already passed its deletion, insertIfNewer ignores it;
    // before the first list it is stored unconditionally, because that list removes it if it is gone.
    const listed = store.progress('') ?? store.progress(namespace)
    if (listed === undefined) store.set(leanObject(found))
    else store.insertIfNewer(found)
    return 'present'
  }

  /** Warns at most every ten seconds, not for every token presented while the API server is unreachable. */
  #warn({ plural }: Resource, error: unknown): void {
    const now = this.#clock.monotonic()
    if (now - this.#warnedAt < warningMs) return
    this.#warnedAt = now
    this.#options.logger.warn('cannot read the object that a token is bound to', {
      resource: plural,
      reason: messageOf(error),
    })
  }
}

/** Keeps the few fields that are used: there may be 100,000 objects, with labels and annotations of any size. */
function leanObject({ metadata }: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, deletionTimestamp } = metadata
  return {
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
  }
}
