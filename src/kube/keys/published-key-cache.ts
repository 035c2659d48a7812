import { isAuthority } from '../../identity/key-owner.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { ownerOfPublicKeys, publicKeysName } from '../../identity/workload.ts'
import type { IdentityKeys } from '../../keys/identity-keys.ts'
import type { PublicKeySource } from '../../keys/public-key-source.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import type { Logger } from '../../logger.ts'
import { keyOf } from '../client/object.ts'
import { annotatedUid } from './owner-annotations.ts'
import { type ConfigMap, publishedKeys, publishedText } from './config-map-public-key-store.ts'
import type { Reflector } from '../cache/reflector.ts'
import type { StoreEvent } from '../cache/store-changes.ts'

interface PublishedKeySetsOptions {
  /** The watch of the public ConfigMaps. */
  readonly reflector: Reflector<ConfigMap>
  /** The operator's own, which they are in. */
  readonly namespace: string
  readonly logger: Logger
}

const none: readonly PublicJwk[] = []

/**
 * The published keys of all identities and of the authority, as the watch of the public ConfigMaps brings them. A ConfigMap that cannot be
 * read keeps what it said last, so that a slip of another hand takes no key away from verifiers.
 */
export class PublishedKeySets implements PublicKeySource {
  readonly #options: PublishedKeySetsOptions
  readonly #sets = new Map<string, IdentityKeys>()
  readonly #listeners = new Set<() => void>()
  #authoritys = none
  #version = 0
  #sequence = 0
  #listed = false

  constructor(options: PublishedKeySetsOptions) {
    this.#options = options
    const { reflector } = options
    reflector.onEvent((event) => {
      if (this.#learn(event)) this.#changed(event)
    })
    // Readiness is a change too. An aborted wait means that the process ends.
    void reflector.synced().then(
      () => this.#changed({ initial: true }),
      () => undefined,
    )
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version
  }

  /**
   * The resource version at which the keys changed last: of the ConfigMap that the watch brought, deleted ones included,
   * or of the list that told of it. Replicas that watched the same change say the same; one that has started since says
   * the version it started from, which lies between that change and the next. It grows with every change, also where
   * resource versions do not, as after etcd was restored from a backup.
   */
  get sequence(): number {
    if (this.#listed) {
      const { reflector, namespace } = this.#options
      this.#advance(reflector.store.progress(namespace))
      this.#listed = false
    }
    return this.#sequence
  }

  /** Whether every ConfigMap has been seen: before that, no set is whole. */
  ready(): boolean {
    return this.#options.reflector.hasSynced
  }

  identities(): readonly IdentityKeys[] {
    return [...this.#sets.values()]
  }

  has(identity: IdentityName): boolean {
    return this.#sets.has(keyOf({ namespace: this.#options.namespace, name: publicKeysName(identity) }))
  }

  /** The authority's own, from the one ConfigMap that is named for it. */
  issuingKeys(): readonly PublicJwk[] {
    return this.#authoritys
  }

  /** Calls back after keys or readiness have changed; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #changed({ initial, object }: Pick<StoreEvent<ConfigMap>, 'initial'> & { object?: ConfigMap }): void {
    // What a list is told of has versions of before: the list's own is known when all of it has been told.
    if (initial) this.#listed = true
    else this.#advance(object?.metadata.resourceVersion)
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }

  #advance(resourceVersion = ''): void {
    const version = Number(resourceVersion)
    this.#sequence = Math.max(this.#sequence + 1, Number.isSafeInteger(version) ? version : 0)
  }

  /** Whether the keys, or whose they are, are others than before. */
  #learn({ type, object, previous }: StoreEvent<ConfigMap>): boolean {
    const key = keyOf(object.metadata)
    const owner = ownerOfPublicKeys(object.metadata.name)
    const authoritys = owner !== undefined && isAuthority(owner)
    if (type === 'deleted') return authoritys ? this.#learnAuthoritys(none) : this.#sets.delete(key)
    const known = previous !== undefined && (authoritys ? this.#authoritys !== none : this.#sets.has(key))
    const uid = annotatedUid(object)
    if (known && publishedText(previous) === publishedText(object) && annotatedUid(previous) === uid) return false
    const keys = publishedKeys(object)
    if (owner === undefined || keys === undefined) {
      this.#options.logger.error('public keys cannot be read; keeping the last good ones', { configMap: key })
      return false
    }
    if (isAuthority(owner)) return this.#learnAuthoritys(keys)
    this.#sets.set(key, { identity: owner, keys, uid })
    return true
  }

  #learnAuthoritys(keys: readonly PublicJwk[]): boolean {
    if (keys === this.#authoritys) return false
    this.#authoritys = keys
    return true
  }
}
