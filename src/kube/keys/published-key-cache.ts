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

interface PublishedKeyCacheOptions {
  /** The watch of the public ConfigMaps. */
  readonly reflector: Reflector<ConfigMap>
  /** The operator's namespace, which contains the public ConfigMaps. */
  readonly namespace: string
  readonly logger: Logger
}

const none: readonly PublicJwk[] = []

/**
 * The published keys of all identities and the issuing keys, from the watch of the public ConfigMaps. An invalid
 * ConfigMap keeps its last valid keys, so that a mistaken edit removes no key from verifiers.
 */
export class PublishedKeyCache implements PublicKeySource {
  readonly #options: PublishedKeyCacheOptions
  readonly #sets = new Map<string, IdentityKeys>()
  readonly #listeners = new Set<() => void>()
  #issuingKeys = none
  #version = 0
  #sequence = 0
  #listed = false

  constructor(options: PublishedKeyCacheOptions) {
    this.#options = options
    const { reflector } = options
    reflector.onEvent((event) => {
      if (this.#learn(event)) this.#changed(event)
    })
    // Listeners also wait for readiness. An aborted wait means that the process ends.
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
   * The resource version of the last change of the keys. Grows with every change even if resource versions do not, for
   * example after etcd was restored from a backup.
   *
   * | the change came from | the sequence is |
   * |---|---|
   * | a watch event, deletions included | the ConfigMap's version; equal in all replicas that watched the change |
   * | a list | the list's version, which lies between this change and the next |
   */
  get sequence(): number {
    if (this.#listed) {
      const { reflector, namespace } = this.#options
      this.#advance(reflector.store.progress(namespace))
      this.#listed = false
    }
    return this.#sequence
  }

  /** Whether the first list is complete. Until then keys may be missing. */
  ready(): boolean {
    return this.#options.reflector.hasSynced
  }

  identities(): readonly IdentityKeys[] {
    return [...this.#sets.values()]
  }

  has(identity: IdentityName): boolean {
    return this.#sets.has(keyOf({ namespace: this.#options.namespace, name: publicKeysName(identity) }))
  }

  /** The issuing keys, from the ConfigMap `signet-jwks.authority`. */
  issuingKeys(): readonly PublicJwk[] {
    return this.#issuingKeys
  }

  /** Calls back after a change of the keys or of the readiness. Returns a function that unsubscribes. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #changed({ initial, object }: Pick<StoreEvent<ConfigMap>, 'initial'> & { object?: ConfigMap }): void {
    // Objects of a list have older versions; the list's own version is known only after all its events.
    if (initial) this.#listed = true
    else this.#advance(object?.metadata.resourceVersion)
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }

  #advance(resourceVersion = ''): void {
    const version = Number(resourceVersion)
    this.#sequence = Math.max(this.#sequence + 1, Number.isSafeInteger(version) ? version : 0)
  }

  /** Applies an event. Returns whether the keys or their owner have changed. */
  #learn({ type, object, previous }: StoreEvent<ConfigMap>): boolean {
    const key = keyOf(object.metadata)
    const owner = ownerOfPublicKeys(object.metadata.name)
    const isIssuing = owner !== undefined && isAuthority(owner)
    if (type === 'deleted') return isIssuing ? this.#setIssuingKeys(none) : this.#sets.delete(key)
    const known = previous !== undefined && (isIssuing ? this.#issuingKeys !== none : this.#sets.has(key))
    const uid = annotatedUid(object)
    if (known && publishedText(previous) === publishedText(object) && annotatedUid(previous) === uid) return false
    const keys = publishedKeys(object)
    if (owner === undefined || keys === undefined) {
      this.#options.logger.error('cannot parse public keys, keeping the last valid ones', { configMap: key })
      return false
    }
    if (isAuthority(owner)) return this.#setIssuingKeys(keys)
    this.#sets.set(key, { identity: owner, keys, uid })
    return true
  }

  #setIssuingKeys(keys: readonly PublicJwk[]): boolean {
    if (keys === this.#issuingKeys) return false
    this.#issuingKeys = keys
    return true
  }
}
