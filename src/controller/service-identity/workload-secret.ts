import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'
import type { Clock } from '../../time/clock.ts'
import { MINUTE, SECOND } from '../../time/duration.ts'
import { workloadSecretLabels } from '../../api/v1alpha1/metadata.ts'
import { workloadSecretName } from '../../identity/workload.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import { keyOf } from '../../kube/client/object.ts'
import { resources } from '../../kube/client/resource.ts'
import { isLeftover, isOwnedBy, type Secret, workloadSecret } from '../../kube/secrets/secret-codec.ts'
import type { Store } from '../../kube/cache/store.ts'
import { Reason, type Violation } from '../../policy/reasons.ts'
import { Restorations } from '../repair-backoff.ts'

/**
 * The workload Secret as found: ours (or not there yet), or one that must not be touched now: somebody else's, or ours
 * that another hand keeps changing. It has to be looked at again, as another's Secret is not watched.
 */
export type FoundSecret =
  | { readonly kind: 'ours'; readonly secret: Secret | undefined }
  | { readonly kind: 'taken'; readonly violation: Violation; readonly lookAgainMs: number }

/** Reads and writes workload Secrets: create, then replace with resourceVersion, and only after checking the owner. */
export class WorkloadSecrets {
  private readonly client: KubeClient
  private readonly store: Store<Secret>
  private readonly clock: Pick<Clock, 'monotonic'>
  private readonly restorations = new Restorations()

  constructor(options: { client: KubeClient; store: Store<Secret>; clock: Pick<Clock, 'monotonic'> }) {
    this.client = options.client
    this.store = options.store
    this.clock = options.clock
  }

  find(identity: ServiceIdentity): FoundSecret {
    const { metadata } = identity
    const secret = this.store.get({ namespace: metadata.namespace, name: workloadSecretName(metadata.name) })
    const contention = this.contention(identity)
    if (contention !== undefined && this.restorations.touched(keyOf(metadata), secret?.metadata.resourceVersion)) {
      return { kind: 'taken', ...contention }
    }
    return judge(secret, metadata.name, metadata.uid ?? '')
  }

  /** Set while another hand keeps changing the Secret: it is put right ever more slowly, until that ends. */
  contention({ metadata }: ServiceIdentity): { violation: Violation; lookAgainMs: number } | undefined {
    const lookAgainMs = this.restorations.pauseMs(keyOf(metadata), this.clock.monotonic())
    if (lookAgainMs === 0) return undefined
    const where = `${metadata.namespace ?? ''}/${workloadSecretName(metadata.name)}`
    const message = `Secret ${where} is changed by another hand again and again: something else manages it`
    return { violation: { reason: Reason.Conflict, message }, lookAgainMs }
  }

  /** The identity is gone. */
  forget(key: string): void {
    this.restorations.forget(key)
  }

  /**
   * Writes the files. Where a Secret of that name turns up that the watch does not show, its owner decides: another's
   * is reported and left alone. Ours that lacks our labels is mended; ours that has them was written by somebody quicker,
   * whose tokens count: the conflict is thrown, and the next look sees them.
   */
  async write(
    identity: ServiceIdentity,
    data: Record<string, string>,
    previous: Secret | undefined,
    signal: AbortSignal,
  ): Promise<FoundSecret> {
    const secret = workloadSecret(identity, data, previous)
    const wrote = (written: Secret, over = previous): FoundSecret => {
      this.store.insertIfNewer(written)
      const [before, after = ''] = [over?.metadata.resourceVersion, written.metadata.resourceVersion]
      this.restorations.wrote(keyOf(identity.metadata), before, after, this.clock.monotonic())
      return { kind: 'ours', secret: written }
    }
    if (previous !== undefined) return wrote(await this.client.replace(resources.secrets, secret, { signal }))
    try {
      return wrote(await this.client.create(resources.secrets, secret, { signal }))
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error
      const { namespace, name, uid } = identity.metadata
      const ref = { namespace, name: workloadSecretName(name) }
      const live = judge(await this.client.get<Secret>(resources.secrets, ref, { signal }), name, uid ?? '')
      if (live.kind === 'taken' || live.secret === undefined) return live
      if (hasLabels(live.secret, name)) {
        this.store.insertIfNewer(live.secret)
        throw error
      }
      const mended = workloadSecret(identity, data, live.secret)
      return wrote(await this.client.replace(resources.secrets, mended, { signal }), live.secret)
    }
  }
}

function judge(secret: Secret | undefined, identityName: string, uid: string): FoundSecret {
  if (secret === undefined || isOwnedBy(secret, uid)) return { kind: 'ours', secret }
  const where = `${secret.metadata.namespace ?? ''}/${secret.metadata.name}`
  if (isLeftover(secret, identityName)) {
    const message = `Secret ${where} belongs to an earlier ServiceIdentity and is being collected`
    return { kind: 'taken', lookAgainMs: SECOND, violation: { reason: Reason.WaitingForGarbageCollection, message } }
  }
  const message = `Secret ${where} exists and does not belong to this ServiceIdentity: delete or rename it`
  return { kind: 'taken', lookAgainMs: MINUTE, violation: { reason: Reason.Conflict, message } }
}

/** Whether the Secret says already what it shall say: then nothing is written. */
export function isUpToDate(secret: Secret, identityName: string, data: Record<string, string>): boolean {
  if (!hasLabels(secret, identityName)) return false
  const current = secret.data ?? {}
  const names = Object.keys(data)
  return names.length === Object.keys(current).length && names.every((name) => current[name] === data[name])
}

function hasLabels({ metadata: { labels = {} } }: Secret, identityName: string): boolean {
  return Object.entries(workloadSecretLabels(identityName)).every(([label, value]) => labels[label] === value)
}
