import { components, managedLabels } from '../../api/v1alpha1/metadata.ts'
import { ownerKey, type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import { keyRingSecretName, keyRingSecretType } from '../../identity/workload.ts'
import type { KeyEncryptionKeys } from '../../keys/key-ring/encryption.ts'
import type { SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import { decodeKeyRing, encodeKeyRing, isOutdatedEncryption } from '../../keys/key-ring/codec.ts'
import { KeyRingError } from '../../keys/key-ring/errors.ts'
import type { KeyStore, StoredKeyRing } from '../../keys/key-ring/store.ts'
import { KubeError } from '../client/api-errors.ts'
import type { KubeClient } from '../client/client.ts'
import { annotatedOwner, annotatedUid, ownerAnnotations } from './owner-annotations.ts'
import type { ObjectRef } from '../client/object.ts'
import { resources } from '../client/resource.ts'
import { type Secret, secretText, secretValue } from '../secrets/secret-codec.ts'
import type { Store } from '../cache/store.ts'

const ringKey = 'ring.json'

/** Stores key rings as Secrets of the operator's namespace. Reads the watched store and writes with preconditions. */
export class SecretKeyStore implements KeyStore {
  readonly #client: KubeClient
  readonly #store: Store<Secret>
  readonly #namespace: string
  readonly #encryption: { readonly identities?: KeyEncryptionKeys; readonly issuing?: KeyEncryptionKeys }
  /** Secrets that have passed every check, so that the costly checks run once per version. */
  readonly #known = new WeakSet<Secret>()

  constructor(options: {
    client: KubeClient
    store: Store<Secret>
    namespace: string
    /** Encrypts identities' private keys at rest. Absent: they are stored unencrypted. */
    encryption?: KeyEncryptionKeys | undefined
    /** Encrypts the issuing keys at rest. The authority has these keys too, and none that decrypt identities' keys. */
    issuingKeyEncryption?: KeyEncryptionKeys | undefined
  }) {
    this.#client = options.client
    this.#store = options.store
    this.#namespace = options.namespace
    this.#encryption = {
      ...(options.encryption && { identities: options.encryption }),
      ...(options.issuingKeyEncryption && { issuing: options.issuingKeyEncryption }),
    }
  }

  get(owner: RingOwner): StoredKeyRing | undefined {
    const secret = this.#find(owner)
    return secret === undefined ? undefined : this.stored(secret)
  }

  /** Carries passed checks over to the object in which the watch brings the same version. */
  recognise(before: Secret, now: Secret): void {
    const { uid, resourceVersion } = before.metadata
    if (uid !== now.metadata.uid || resourceVersion !== now.metadata.resourceVersion) return
    if (this.#known.has(before)) this.#known.add(now)
  }

  /** The ring in a Secret. */
  stored(secret: Secret): StoredKeyRing {
    const known = this.#known
    const encryption = this.#encryptionOf(secret.metadata.name)
    return {
      version: secret.metadata.resourceVersion ?? '',
      get outdated() {
        return encryption !== undefined && isOutdatedEncryption(ringText(secret), encryption)
      },
      open: () => {
        const ring = decodeKeyRing(ringText(secret), { encryption, known: known.has(secret) })
        known.add(secret)
        return ring
      },
    }
  }

  /** Restores labels removed from the owner's ring, without which the watch does not show it. */
  async fetch(owner: RingOwner, signal?: AbortSignal): Promise<StoredKeyRing | undefined> {
    const live = await this.#client.get<Secret>(resources.secrets, this.#ref(owner), { signal })
    if (live === undefined) return undefined
    const labels = managedLabels(components.keyRing)
    if (Object.entries(labels).every(([name, value]) => live.metadata.labels?.[name] === value)) return this.#kept(live)
    const named = live.type === keyRingSecretType ? annotatedOwner(live) : undefined
    if (named === undefined || ownerKey(named) !== ownerKey(owner)) return undefined
    const metadata = { ...live.metadata, labels: { ...live.metadata.labels, ...labels } }
    return this.#kept(await this.#client.replace(resources.secrets, { ...live, metadata }, { signal }))
  }

  async create(owner: RingOwner, ring: SealedKeyRing, signal?: AbortSignal): Promise<StoredKeyRing> {
    try {
      const secret = this.#secret(owner, ring)
      return this.#wrote(secret, await this.#client.create(resources.secrets, secret, { signal }))
    } catch (error) {
      // The store gets the existing ring, so that the next reconcile continues with its keys.
      if (error instanceof KubeError && error.isAlreadyExists) await this.fetch(owner, signal)
      throw error
    }
  }

  async replace(
    owner: RingOwner,
    previous: StoredKeyRing,
    ring: SealedKeyRing,
    signal?: AbortSignal,
  ): Promise<StoredKeyRing> {
    const secret = this.#secret(owner, ring)
    const metadata = { ...secret.metadata, resourceVersion: previous.version }
    return this.#wrote(secret, await this.#client.replace(resources.secrets, { ...secret, metadata }, { signal }))
  }

  async discard(owner: RingOwner, { version }: StoredKeyRing, signal?: AbortSignal): Promise<void> {
    await this.#client.delete(resources.secrets, this.#ref(owner), { resourceVersion: version, signal })
  }

  async remove(owner: RingOwner, signal?: AbortSignal, ownerUid?: string): Promise<void> {
    const found = this.#find(owner)
    if (found === undefined || (ownerUid !== undefined && annotatedUid(found) !== ownerUid)) return
    const { uid, resourceVersion } = found.metadata
    await this.#client.delete(resources.secrets, this.#ref(owner), { uid, resourceVersion, signal })
  }

  #find(owner: RingOwner): Secret | undefined {
    return this.#store.get(this.#ref(owner))
  }

  #ref(owner: RingOwner): ObjectRef & { readonly namespace: string } {
    return { namespace: this.#namespace, name: keyRingSecretName(owner) }
  }

  #secret(owner: RingOwner, ring: SealedKeyRing): Secret {
    const encryption = this.#encryptionOf(keyRingSecretName(owner))
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        ...this.#ref(owner),
        labels: managedLabels(components.keyRing),
        annotations: ownerAnnotations(owner, ring.uid),
      },
      type: keyRingSecretType,
      data: { [ringKey]: secretValue(encodeKeyRing(ring, encryption)) },
    }
  }

  #encryptionOf(secretName: string): KeyEncryptionKeys | undefined {
    const { identities, issuing } = this.#encryption
    return secretName === keyRingSecretName(theAuthority) ? issuing : identities
  }

  #wrote(sent: Secret, answer: Secret): StoredKeyRing {
    // The API server stored the ring unchanged, so that its checks need not be repeated.
    if (sent.data?.[ringKey] === answer.data?.[ringKey]) this.#known.add(answer)
    return this.#kept(answer)
  }

  /** Puts the response into the store at once, so that the next reconcile does not read an older ring. */
  #kept(secret: Secret): StoredKeyRing {
    this.#store.insertIfNewer(secret)
    return this.stored(secret)
  }
}

/** The JSON of the ring in a Secret. Throws a KeyRingError if the Secret has none. */
export function ringText(secret: Secret): string {
  const text = secretText(secret, ringKey)
  if (text === undefined)
    throw new KeyRingError('ERR_KEY_RING_FORM', `Secret ${secret.metadata.name} has no ${ringKey}`)
  return text
}
