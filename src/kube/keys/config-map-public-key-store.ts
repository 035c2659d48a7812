import { components, identityUidAnnotation, managedLabels, ringVersionAnnotation } from '../../api/v1alpha1/metadata.ts'
import { ownerKey, type RingOwner } from '../../identity/key-owner.ts'
import { publicKeysName, revokeKeyAnnotation, rotateKeyAnnotation } from '../../identity/workload.ts'
import { parseJwks, serializeJwks } from '../../keys/jwks.ts'
import type { PublicKeyStore, PublishedKeys } from '../../keys/key-ring/store.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { KubeError } from '../client/api-errors.ts'
import type { KubeClient } from '../client/client.ts'
import { annotatedOwner, annotatedUid, ownerAnnotations } from './owner-annotations.ts'
import type { KubeObject, ObjectRef } from '../client/object.ts'
import { resources } from '../client/resource.ts'
import type { Store } from '../cache/store.ts'

/** A core/v1 ConfigMap as JSON. */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}

const jwksKey = 'jwks.json'
/** Bytes; above the largest possible ring, of RSA keys with the longest subject. */
const longestSet = 256 * 1024

/** The unparsed JWK Set of a public ConfigMap. */
export function publishedText(configMap: ConfigMap): string | undefined {
  return configMap.data?.[jwksKey]
}

/** Reduces a public ConfigMap to the fields that the authority uses, to save memory. */
export function leanPublicKeys({ metadata, data }: ConfigMap): ConfigMap {
  const { name, namespace, uid, resourceVersion } = metadata
  const text = data?.[jwksKey]
  const ownerUid = annotatedUid({ metadata })
  return {
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(ownerUid && { annotations: { [identityUidAnnotation]: ownerUid } }),
    },
    ...(text === undefined ? {} : { data: { [jwksKey]: text } }),
  }
}

/** The keys in a public ConfigMap; undefined if its JWK Set is missing or invalid. */
export function publishedKeys(configMap: ConfigMap): readonly PublicJwk[] | undefined {
  const text = publishedText(configMap)
  if (text === undefined) return undefined
  try {
    return parseJwks(text, { maxBytes: longestSet })
  } catch {
    return undefined
  }
}

/**
 * Stores public keys as ConfigMaps of the operator's namespace, where no tenant can write. The ConfigMaps have no
 * ownerReference to the ring's Secret: if that Secret were deleted, even to be restored with another uid, the garbage
 * collector would delete the public keys of issued tokens (I1).
 */
export class ConfigMapPublicKeyStore implements PublicKeyStore {
  readonly #client: KubeClient
  readonly #store: Store<ConfigMap>
  readonly #namespace: string

  constructor(options: { client: KubeClient; store: Store<ConfigMap>; namespace: string }) {
    this.#client = options.client
    this.#store = options.store
    this.#namespace = options.namespace
  }

  get(owner: RingOwner): PublishedKeys | undefined {
    const configMap = this.#find(owner)
    return configMap === undefined ? undefined : published(configMap)
  }

  async fetch(owner: RingOwner, signal?: AbortSignal): Promise<PublishedKeys | undefined> {
    const live = await this.#client.get<ConfigMap>(resources.configMaps, this.#ref(owner), { signal })
    const named = live === undefined ? undefined : annotatedOwner(live)
    if (live === undefined || named === undefined || ownerKey(named) !== ownerKey(owner)) return undefined
    this.#store.insertIfNewer(live)
    return published(live)
  }

  async put(
    owner: RingOwner,
    previous: PublishedKeys | undefined,
    { keys, uid, ringVersion }: Omit<PublishedKeys, 'version'> & { readonly uid: string },
    signal?: AbortSignal,
  ): Promise<PublishedKeys> {
    const configMap: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        ...this.#ref(owner),
        labels: managedLabels(components.publicKeys),
        annotations: {
          ...requestsOf(this.#find(owner)),
          ...ownerAnnotations(owner, uid),
          ...(ringVersion === undefined ? {} : { [ringVersionAnnotation]: ringVersion }),
        },
      },
      data: { [jwksKey]: serializeJwks(keys) },
    }
    const written =
      previous === undefined
        ? await this.#create(owner, configMap, signal)
        : await this.#replace(previous.version, configMap, signal)
    this.#store.insertIfNewer(written)
    return { keys, uid, ringVersion, version: written.metadata.resourceVersion ?? '' }
  }

  async remove(owner: RingOwner, signal?: AbortSignal, ownerUid?: string): Promise<void> {
    const found = this.#find(owner)
    if (found === undefined || (ownerUid !== undefined && annotatedUid(found) !== ownerUid)) return
    const { uid, resourceVersion } = found.metadata
    await this.#client.delete(resources.configMaps, this.#ref(owner), { uid, resourceVersion, signal })
  }

  /**
   * Creates the ConfigMap, and always rejects if it exists; the next reconcile then decides from the store. If it
   * exists without Signet's labels, and so is invisible to the watch, the labels are restored first, its keys
   * unchanged.
   */
  async #create(owner: RingOwner, configMap: ConfigMap, signal?: AbortSignal): Promise<ConfigMap> {
    try {
      return await this.#client.create(resources.configMaps, configMap, { signal })
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error
      const live = await this.#client.get<ConfigMap>(resources.configMaps, this.#ref(owner), { signal })
      const named = live === undefined ? undefined : annotatedOwner(live)
      if (live === undefined || named === undefined || ownerKey(named) !== ownerKey(owner)) throw error
      const { labels = {}, resourceVersion = '' } = live.metadata
      const metadata = { ...live.metadata, labels: { ...labels, ...configMap.metadata.labels } }
      this.#store.insertIfNewer(
        hasLabels(live) ? live : await this.#replace(resourceVersion, { ...live, metadata }, signal),
      )
      throw error
    }
  }

  #replace(resourceVersion: string, configMap: ConfigMap, signal?: AbortSignal): Promise<ConfigMap> {
    const metadata = { ...configMap.metadata, resourceVersion }
    return this.#client.replace(resources.configMaps, { ...configMap, metadata }, { signal })
  }

  #find(owner: RingOwner): ConfigMap | undefined {
    return this.#store.get(this.#ref(owner))
  }

  #ref(owner: RingOwner): ObjectRef & { readonly namespace: string } {
    return { namespace: this.#namespace, name: publicKeysName(owner) }
  }
}

/** The annotations by which users request a rotation or revocation; they stay until the user removes them. */
function requestsOf(configMap: ConfigMap | undefined): Record<string, string> {
  const annotations = configMap?.metadata.annotations ?? {}
  const names = [rotateKeyAnnotation, revokeKeyAnnotation].filter((name) => Object.hasOwn(annotations, name))
  return Object.fromEntries(names.map((name) => [name, annotations[name] ?? '']))
}

function hasLabels({ metadata: { labels = {} } }: ConfigMap): boolean {
  return Object.entries(managedLabels(components.publicKeys)).every(([label, value]) => labels[label] === value)
}

function published(configMap: ConfigMap): PublishedKeys {
  return {
    keys: publishedKeys(configMap) ?? [],
    uid: annotatedUid(configMap),
    ringVersion: configMap.metadata.annotations?.[ringVersionAnnotation],
    version: configMap.metadata.resourceVersion ?? '',
  }
}
