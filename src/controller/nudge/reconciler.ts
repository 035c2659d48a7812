import { type Clock, parseTime } from '../../time/clock.ts'
import { parseIdentityKey } from '../../identity/service-identity.ts'
import { nudgeAnnotation } from '../../identity/workload.ts'
import { KubeError } from '../../kube/client/api-errors.ts'
import type { KubeClient } from '../../kube/client/client.ts'
import type { KubeObject } from '../../kube/client/object.ts'
import { resources } from '../../kube/client/resource.ts'
import type { Store } from '../../kube/cache/store.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import { podsOfIdentity } from './injected-pods.ts'
import type { Reconciler, ReconcileResult } from '../runtime/reconcile.ts'
import { TokenBucket, type TokenBucketOptions } from '../../time/token-bucket.ts'

interface NudgeOptions {
  readonly client: KubeClient
  /** Metadata of the labelled pods. */
  readonly pods: Store<KubeObject>
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'nudges'>
  readonly rate?: TokenBucketOptions
}

/**
 * How fast the pods of all identities are nudged. Each nudge makes a kubelet read a Secret, so a renewal for many pods
 * is spread. The first 100 pods do not wait, nor do 2,000 more after a revocation.
 */
const nudgeRate: TokenBucketOptions = { perSecond: 50, burst: 100, overdraft: 2000 }

/** How many pods are patched at a time. */
const concurrency = 8

/** Asks for a nudge of every pod of an identity that was neither created nor nudged since then. */
interface NudgeRequest {
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Whether the nudge goes ahead of all others. */
  readonly urgent: boolean
}

/**
 * Makes kubelet refresh the Secret volumes of an identity's pods at once, by changing an annotation of the pods. The
 * annotation is written through the status subresource, which needs no right to change a pod's spec. It records the
 * time of the nudge, so that neither a crash nor a failed run loses a pod.
 */
export class NudgeReconciler implements Reconciler {
  readonly #options: NudgeOptions
  readonly #bucket: TokenBucket
  /** By identity key, until all pods of the identity are nudged. */
  readonly #requests = new Map<string, NudgeRequest>()

  constructor(options: NudgeOptions) {
    this.#options = options
    this.#bucket = new TokenBucket(options.rate ?? nudgeRate, options.clock.monotonic())
  }

  /** How many identities have pods that wait for a nudge. */
  get waiting(): number {
    return this.#requests.size
  }

  /**
   * Requests a nudge of every pod of the identity that has had none since `since` (default: now). An urgent request
   * does not wait for others. A weaker request never overrides a pending stronger one.
   */
  request(key: string, { since = this.#options.clock.now(), urgent = false }: Partial<NudgeRequest> = {}): void {
    const known = this.#requests.get(key)
    if (known === undefined) this.#requests.set(key, { since, urgent })
    else this.#requests.set(key, { since: Math.max(since, known.since), urgent: urgent || known.urgent })
  }

  /** Whether some pod was neither created nor nudged since then: its nudge was lost. */
  lags(key: string, since: number): boolean {
    return this.#laggards(key, since).length > 0
  }

  /** Nudges as many pods as the rate allows, and requeues for the others, so that no worker waits. */
  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const request = this.#requests.get(key)
    if (request === undefined) return undefined
    const { since, urgent } = request
    const { clock } = this.#options
    const waiting = this.#laggards(key, since)
    const allowed = this.#bucket.take(waiting.length, clock.monotonic(), { urgent })
    const batch = waiting.slice(0, allowed)
    const value = new Date(Math.max(since, clock.now())).toISOString()
    const failures: unknown[] = []
    const worker = async (): Promise<void> => {
      for (let pod = batch.pop(); pod !== undefined && !signal.aborted; pod = batch.pop()) {
        await this.#nudge(pod, value, signal).catch((error: unknown) => failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    if (failures.length > 0) throw failures[0]
    if (allowed < waiting.length || signal.aborted) {
      return { requeueAfterMs: Math.max(1, this.#bucket.waitMs(clock.monotonic(), { urgent })) }
    }
    if (this.#requests.get(key) === request) this.#requests.delete(key)
    return undefined
  }

  #laggards(key: string, since: number): KubeObject[] {
    return podsOfIdentity(this.#options.pods, parseIdentityKey(key)).filter(({ metadata }) => {
      const nudged = parseTime(metadata.annotations?.[nudgeAnnotation]) ?? 0
      const created = parseTime(metadata.creationTimestamp) ?? 0
      return metadata.deletionTimestamp === undefined && Math.max(nudged, created) < since
    })
  }

  async #nudge(pod: KubeObject, value: string, signal: AbortSignal): Promise<void> {
    const { client, metrics, pods } = this.#options
    const { namespace, name, uid } = pod.metadata
    const patch = { metadata: { uid, annotations: { [nudgeAnnotation]: value } } }
    try {
      const options = { type: 'merge', subresource: 'status', signal } as const
      const { metadata } = await client.patch(resources.pods, { namespace, name }, patch, options)
      const { resourceVersion = '', annotations = {} } = metadata
      pods.insertIfNewer({ ...pod, metadata: { ...pod.metadata, resourceVersion, annotations } })
      metrics.nudges.inc({ result: 'done' })
    } catch (error) {
      // The pod was deleted or replaced meanwhile.
      if (error instanceof KubeError && (error.isNotFound || error.isConflict)) return
      metrics.nudges.inc({ result: 'failed' })
      throw error
    }
  }
}
