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

interface PodsAndAccountsOptions {
  readonly client: KubeClient
  /** Where identities are served; empty for everywhere. Elsewhere nothing is there. */
  readonly namespaces: readonly string[]
  readonly logger: Logger
  readonly clock?: Clock
}

type Presence = 'present' | 'absent' | 'unknown'

/** An object that is being deleted counts as gone this long after the end of its grace, as the API server has it. */
const leewayMs = MINUTE
/** How long one look may take. */
const lookMs = 2 * SECOND
/** Most looks at a time; who comes on top is told to come again. */
const mostLooks = 32
/** How long it is believed that something is not there, and for how many things. */
const absentMs = 5 * SECOND
const mostAbsent = 10_000
const complaintMs = 10 * SECOND

/**
 * Which pods and ServiceAccounts exist, by uid: a watch of their metadata alone, of which hardly anything is kept. What
 * the watch has not told (yet) is looked up once, for all who ask at a time.
 */
export class PodsAndAccounts implements BoundObjects {
  readonly #options: PodsAndAccountsOptions
  readonly #clock: Clock
  readonly #namespaces: ReadonlySet<string>
  readonly #pods: Reflector<KubeObject>
  readonly #accounts: Reflector<KubeObject>
  readonly #looks = new Map<string, Promise<Presence>>()
  /** By what was looked for, until when it is believed not to be there (monotonic); the oldest first. */
  readonly #absent = new LRUCache<string, number>({ max: mostAbsent })
  #complainedAt = Number.NEGATIVE_INFINITY

  constructor(options: PodsAndAccountsOptions) {
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

  /** Whether everything that was there at the start is known. */
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
      this.#lookFor(this.#pods, namespace, pod),
      this.#lookFor(this.#accounts, namespace, account),
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

  #lookFor(reflector: Reflector<KubeObject>, namespace: string, object: BoundObject): Promise<Presence> {
    if (this.#isKnown(reflector, namespace, object)) return Promise.resolve('present')
    const key = `${reflector.resource.plural}/${namespace}/${object.name}/${object.uid}`
    if ((this.#absent.peek(key) ?? Number.NEGATIVE_INFINITY) > this.#clock.monotonic()) return Promise.resolve('absent')
    const under = this.#looks.get(key)
    if (under !== undefined) return under
    if (this.#looks.size >= mostLooks) return Promise.resolve('unknown')
    const look = this.#get(reflector, namespace, object).then((presence) => {
      this.#looks.delete(key)
      if (presence === 'absent') this.#absent.set(key, this.#clock.monotonic() + absentMs)
      return presence
    })
    this.#looks.set(key, look)
    return look
  }

  async #get(reflector: Reflector<KubeObject>, namespace: string, { name, uid }: BoundObject): Promise<Presence> {
    const { resource, store } = reflector
    let found: KubeObject | undefined
    try {
      found = await this.#options.client.get<KubeObject>(resource, { namespace, name }, { timeoutMs: lookMs })
    } catch (error) {
      this.#complain(resource, error)
      return 'unknown'
    }
    if (found?.metadata.uid !== uid || this.#isGone(found)) return 'absent'
    // The watch is about to tell of it. If it has told of its end already, nothing is taken; and where nothing has been
    // listed yet, the list will take away what is gone by then.
    const listed = store.progress('') ?? store.progress(namespace)
    if (listed === undefined) store.set(leanObject(found))
    else store.insertIfNewer(found)
    return 'present'
  }

  /** Not for every token that comes while the API server is away. */
  #complain({ plural }: Resource, error: unknown): void {
    const now = this.#clock.monotonic()
    if (now - this.#complainedAt < complaintMs) return
    this.#complainedAt = now
    this.#options.logger.warn('cannot look for what a token is bound to', {
      resource: plural,
      reason: messageOf(error),
    })
  }
}

/** What is kept of a pod or account: there may be a hundred thousand, with labels and annotations of any size. */
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
