import { apiVersion, serviceIdentities } from '../../src/api/v1alpha1/group-version.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { publicKeysName, rotateKeyAnnotation, workloadSecretName } from '../../src/identity/workload.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type Secret, secretValue } from '../../src/kube/secrets/secret-codec.ts'
import { namespace as own } from '../builders/identity-controller.ts'
import { Storage } from '../fakes/api-server-storage.ts'
import type { spoils } from './steps.ts'

/** The one identity. */
export const name = { namespace: 'shop', name: 'orders' }
const secretRef = { namespace: name.namespace, name: workloadSecretName(name.name) }
const publicRef = { namespace: own, name: publicKeysName(name) }

type Identity = ServiceIdentity & KubeObject

/** What is stored, and what users, the garbage collector and other hands do to it. */
export class Cluster {
  readonly storage = new Storage()
  #foreign = false
  #requests = 0
  #spoils = 0

  /** Whether another client is writing now. */
  get foreign(): boolean {
    return this.#foreign
  }

  identity(): Identity | undefined {
    return this.#found('serviceidentities', name) as Identity | undefined
  }

  secret(): Secret | undefined {
    return this.#found('secrets', secretRef)
  }

  /** Names of what is stored in the operator's own namespace. */
  ownObjects(): string[] {
    return ['configmaps', 'secrets']
      .flatMap((collection) => this.storage.list(collection, { namespace: own }))
      .map(({ metadata }) => metadata.name)
  }

  createIdentity(): void {
    if (this.identity() !== undefined) return
    const identity = { apiVersion, kind: serviceIdentities.kind, metadata: { ...name }, spec: {} }
    this.storage.create('serviceidentities', identity, 'user')
  }

  deleteIdentity(): void {
    if (this.identity() !== undefined) this.storage.delete('serviceidentities', name)
  }

  changeSpec(spec: ServiceIdentity['spec']): void {
    this.#change((identity) => ({ ...identity, spec }))
  }

  askForRotation(): void {
    this.#requests += 1
    const annotations = { [rotateKeyAnnotation]: String(this.#requests) }
    this.#change(({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, annotations } }))
  }

  /** Collects the Secret of an identity that is gone. */
  collectGarbage(): void {
    const owner = this.secret()?.metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid
    if (owner === undefined || owner === this.identity()?.metadata.uid) return
    this.#byAnotherHand(() => this.storage.delete('secrets', secretRef))
  }

  deletePublicKeys(): void {
    if (this.#found('configmaps', publicRef) === undefined) return
    this.#byAnotherHand(() => this.storage.delete('configmaps', publicRef))
  }

  spoilSecret(how: (typeof spoils)[number]): void {
    const secret = this.secret()
    // Repairs slow down while a client keeps changing the Secret; other tests prove that.
    if (secret === undefined || this.#spoils === 4) return
    this.#spoils += 1
    this.#byAnotherHand(() => {
      if (how === 'deletes') this.storage.delete('secrets', secretRef)
      else this.storage.replace('secrets', spoilt(secret, how), 'another')
    })
  }

  #change(next: (identity: Identity) => Identity): void {
    const identity = this.identity()
    if (identity !== undefined) this.storage.replace('serviceidentities', next(identity), 'user')
  }

  #byAnotherHand(act: () => void): void {
    this.#foreign = true
    act()
    this.#foreign = false
  }

  #found(collection: string, ref: { namespace: string; name: string }): KubeObject | undefined {
    const found = this.storage.list(collection, { namespace: ref.namespace })
    return found.find(({ metadata }) => metadata.name === ref.name)
  }
}

function spoilt(secret: Secret, how: Exclude<(typeof spoils)[number], 'deletes'>): Secret {
  const data = secret.data ?? {}
  const entries = Object.entries(data)
  const files = entries.map(([file]) => file).filter((file) => file.endsWith('.jwt'))
  switch (how) {
    case 'empties':
      return { ...secret, data: {} }
    case 'scribbles over':
      return { ...secret, data: Object.fromEntries(entries.map(([file]) => [file, secretValue('scribble')])) }
    case 'swaps the tokens in': {
      const swapped = files.map((file, index) => [file, data[files.at(index - 1) ?? ''] ?? ''])
      return { ...secret, data: { ...data, ...(Object.fromEntries(swapped) as Record<string, string>) } }
    }
    case 'takes the labels from':
      return { ...secret, metadata: { ...secret.metadata, labels: {} } }
  }
}
