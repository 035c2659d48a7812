import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import type { Clock } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { workloadSecretLabels } from '../../api/v1alpha1/metadata.ts'
import { workloadSecretName } from '../../identity/workload.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { keyOf } from '../../kube/client/object.ts'
import { resources } from '../../kube/client/resource.ts'
import {
  encodeWorkloadFiles,
  isLeftover,
  isOwnedBy,
  type Secret,
  type WorkloadFiles,
  workloadSecret,
} from '../../kube/secrets/secret-codec.ts'
import type { Store } from '../../kube/cache/store.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { ObjectRepairs } from '../repair-backoff.ts'

/**
 * The workload Secret must not be written in this reconcile: it belongs to another owner, or another client keeps
 * changing it. Reconcile again after `lookAgainMs` milliseconds, because Secrets of other owners are not watched.
 */
interface BlockedSecret {
  readonly kind: 'blocked'
  readonly violation: Violation
  readonly lookAgainMs: number
}

/** The workload Secret of the identity; undefined if the Secret does not exist yet. */
type FoundSecret = { readonly kind: 'own'; readonly secret: Secret | undefined } | BlockedSecret

/** `changed` is false if the Secret had these files already. */
type WrittenSecret = { readonly kind: 'own'; readonly changed: boolean } | BlockedSecret

/** Reads and writes workload Secrets: create, then replace with resourceVersion, always after a check of the owner. */
export class WorkloadSecrets {
  readonly #client: KubeClient
  readonly #store: Store<Secret>
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #repairs = new ObjectRepairs()

  constructor(options: { client: KubeClient; store: Store<Secret>; clock: Pick<Clock, 'monotonic'> }) {
    this.#client = options.client
    this.#store = options.store
    this.#clock = options.clock
  }

  find(identity: ServiceIdentity): FoundSecret {
    const { metadata } = identity
    const secret = this.#store.get({ namespace: metadata.namespace, name: workloadSecretName(metadata.name) })
    const contention = this.contention(identity)
    if (contention !== undefined && this.#repairs.isForeign(keyOf(metadata), secret?.metadata.resourceVersion)) {
      return { kind: 'blocked', ...contention }
    }
    return checkOwner(secret, metadata.name, metadata.uid ?? '')
  }

  /** Defined while another client keeps changing the Secret: repairs slow down until that ends. */
  contention({ metadata }: ServiceIdentity): { violation: Violation; lookAgainMs: number } | undefined {
    const lookAgainMs = this.#repairs.pauseMs(keyOf(metadata), this.#clock.monotonic())
    if (lookAgainMs === 0) return undefined
    const where = `${metadata.namespace ?? ''}/${workloadSecretName(metadata.name)}`
    const message = `Another client keeps changing Secret ${where}: find and stop it`
    return { violation: { reason: Reason.Conflict, message }, lookAgainMs }
  }

  /** Forgets the repairs of a deleted identity. */
  forget(key: string): void {
    this.#repairs.forget(key)
  }

  /**
   * Writes the files, unless the Secret has them already. If the create meets a Secret that the watch does not show:
   *
   * | Secret                           | what happens                                                           |
   * |----------------------------------|------------------------------------------------------------------------|
   * | of another owner                 | is reported and not touched                                            |
   * | of the identity, without labels  | is repaired                                                            |
   * | of the identity, with its labels | throws the conflict; the retry reads the tokens of the quicker process |
   * | deleted before it can be read    | throws the conflict; the retry creates it                              |
   */
  async write(
    identity: ServiceIdentity,
    files: WorkloadFiles,
    previous: Secret | undefined,
    signal: AbortSignal,
  ): Promise<WrittenSecret> {
    const data = encodeWorkloadFiles(files)
    if (previous !== undefined && isUpToDate(previous, identity.metadata.name, data)) {
      return { kind: 'own', changed: false }
    }
    const secret = workloadSecret(identity, data, previous)
    const wrote = (written: Secret, over = previous): WrittenSecret => {
      this.#store.insertIfNewer(written)
      const [before, after = ''] = [over?.metadata.resourceVersion, written.metadata.resourceVersion]
      this.#repairs.wrote(keyOf(identity.metadata), before, after, this.#clock.monotonic())
      return { kind: 'own', changed: true }
    }
    if (previous !== undefined) return wrote(await this.#client.replace(resources.secrets, secret, { signal }))
    try {
      return wrote(await this.#client.create(resources.secrets, secret, { signal }))
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error
      const { namespace, name, uid } = identity.metadata
      const ref = { namespace, name: workloadSecretName(name) }
      const live = checkOwner(await this.#client.get<Secret>(resources.secrets, ref, { signal }), name, uid ?? '')
      if (live.kind === 'blocked') return live
      if (live.secret === undefined) throw error
      if (hasLabels(live.secret, name)) {
        this.#store.insertIfNewer(live.secret)
        throw error
      }
      const repaired = workloadSecret(identity, data, live.secret)
      return wrote(await this.#client.replace(resources.secrets, repaired, { signal }), live.secret)
    }
  }
}

function checkOwner(secret: Secret | undefined, identityName: string, uid: string): FoundSecret {
  if (secret === undefined || isOwnedBy(secret, uid)) return { kind: 'own', secret }
  const where = `${secret.metadata.namespace ?? ''}/${secret.metadata.name}`
  if (isLeftover(secret, identityName)) {
    const message = `Secret ${where} belongs to an earlier ServiceIdentity and is being garbage-collected`
    return { kind: 'blocked', lookAgainMs: SECOND, violation: { reason: Reason.WaitingForGarbageCollection, message } }
  }
  const message = `Secret ${where} exists and does not belong to this ServiceIdentity: delete or rename it`
  return { kind: 'blocked', lookAgainMs: MINUTE, violation: { reason: Reason.Conflict, message } }
}

/** Whether the Secret has these labels and files, and no other files. */
function isUpToDate(secret: Secret, identityName: string, data: Record<string, string>): boolean {
  if (!hasLabels(secret, identityName)) return false
  const current = secret.data ?? {}
  const names = Object.keys(data)
  return names.length === Object.keys(current).length && names.every((name) => current[name] === data[name])
}

function hasLabels({ metadata: { labels = {} } }: Secret, identityName: string): boolean {
  return Object.entries(workloadSecretLabels(identityName)).every(([label, value]) => labels[label] === value)
}
