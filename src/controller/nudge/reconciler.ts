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
import type { ReconcileResult } from '../runtime/reconcile.ts'
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
 * How fast pods are nudged, all identities together. Each makes a kubelet read a Secret, so that a renewal of many pods
 * is spread; the first hundred, and two thousand ahead of time where a key or token was revoked, do not wait.
 */
const nudgeRate: TokenBucketOptions = { perSecond: 50, burst: 100, overdraft: 2000 }

/** How many pods are patched at the same time. */
const concurrency = 8

/** Since when the pods of an identity have to have been nudged, and whether that cannot wait. */
interface Wish {
  readonly since: number
  readonly urgent: boolean
}

/**
 * Makes kubelet refresh the Secret volumes of an identity's pods at once, by changing an annotation of theirs. It is
 * written through the status subresource, so that no right to change a pod's spec is needed. Which pods still have to be
 * nudged can be told from the pods themselves, so that neither a crash nor a failed run loses one.
 */
export class NudgeReconciler {
  private readonly options: NudgeOptions
  private readonly bucket: TokenBucket
  /** By identity, until all its pods are nudged. */
  private readonly wishes = new Map<string, Wish>()

  constructor(options: NudgeOptions) {
    this.options = options
    this.bucket = new TokenBucket(options.rate ?? nudgeRate, options.clock.monotonic())
  }

  /** How many identities have pods that wait to be nudged. */
  get waiting(): number {
    return this.wishes.size
  }

  /**
   * Every pod of the identity is to have been nudged since then (now, unless told): where it is urgent, without waiting
   * its turn. What was asked for before is not forgotten by what is asked for less.
   */
  request(key: string, { since = this.options.clock.now(), urgent = false }: Partial<Wish> = {}): void {
    const known = this.wishes.get(key)
    if (known === undefined) this.wishes.set(key, { since, urgent })
    else this.wishes.set(key, { since: Math.max(since, known.since), urgent: urgent || known.urgent })
  }

  /** Whether a pod has neither been started nor nudged since then: a nudge was lost on the way. */
  lags(key: string, since: number): boolean {
    return this.laggards(key, since).length > 0
  }

  /** Nudges as many pods as the rate allows and asks to come back for the others, so that no worker is held up. */
  async reconcile(key: string, signal: AbortSignal): Promise<ReconcileResult | undefined> {
    const wish = this.wishes.get(key)
    if (wish === undefined) return undefined
    const { since, urgent } = wish
    const { clock } = this.options
    const waiting = this.laggards(key, since)
    const allowed = this.bucket.take(waiting.length, clock.monotonic(), { urgent })
    const now = waiting.slice(0, allowed)
    const value = new Date(Math.max(since, clock.now())).toISOString()
    const failures: unknown[] = []
    const worker = async (): Promise<void> => {
      for (let pod = now.pop(); pod !== undefined && !signal.aborted; pod = now.pop()) {
        await this.nudge(pod, value, signal).catch((error: unknown) => failures.push(error))
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    if (failures.length > 0) throw failures[0]
    if (allowed < waiting.length || signal.aborted) {
      return { requeueAfterMs: Math.max(1, this.bucket.waitMs(clock.monotonic(), { urgent })) }
    }
    if (this.wishes.get(key) === wish) this.wishes.delete(key)
    return undefined
  }

  private laggards(key: string, since: number): KubeObject[] {
    return podsOfIdentity(this.options.pods, parseIdentityKey(key)).filter(({ metadata }) => {
      const nudged = parseTime(metadata.annotations?.[nudgeAnnotation]) ?? 0
      const created = parseTime(metadata.creationTimestamp) ?? 0
      return metadata.deletionTimestamp === undefined && Math.max(nudged, created) < since
    })
  }

  private async nudge(pod: KubeObject, value: string, signal: AbortSignal): Promise<void> {
    const { client, metrics, pods } = this.options
    const { namespace, name, uid } = pod.metadata
    const patch = { metadata: { uid, annotations: { [nudgeAnnotation]: value } } }
    try {
      const options = { type: 'merge', subresource: 'status', signal } as const
      const { metadata } = await client.patch(resources.pods, { namespace, name }, patch, options)
      const { resourceVersion = '', annotations = {} } = metadata
      pods.insertIfNewer({ ...pod, metadata: { ...pod.metadata, resourceVersion, annotations } })
      metrics.nudges.inc({ result: 'done' })
    } catch (error) {
      // Gone or replaced meanwhile: there is nothing left to nudge.
      if (error instanceof KubeError && (error.isNotFound || error.isConflict)) return
      metrics.nudges.inc({ result: 'failed' })
      throw error
    }
  }
}
