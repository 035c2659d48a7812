import { ConditionType, isConditionTrue } from '../src/api/v1alpha1/conditions.ts'
import { apiVersion } from '../src/api/v1alpha1/group-version.ts'
import type { ServiceIdentity } from '../src/api/v1alpha1/types.ts'
import type { KubeClient } from '../src/kube/client/client.ts'
import { Reflector } from '../src/kube/cache/reflector.ts'
import { resources } from '../src/kube/client/resource.ts'

/** Watches the identities of one namespace and says when each became Ready. */
export class ReadyWatch {
  readonly readyAt = new Map<string, number>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #waiting = new Map<string, () => void>()

  private constructor(reflector: Reflector<ServiceIdentity>) {
    reflector.onEvent(({ object }) => {
      const { name } = object.metadata
      if (this.readyAt.has(name) || !isConditionTrue(object.status?.conditions, ConditionType.Ready)) return
      this.readyAt.set(name, performance.now())
      this.#waiting.get(name)?.()
    })
    this.#running = reflector.run(this.#stop.signal)
  }

  static async start(client: KubeClient, namespace: string): Promise<ReadyWatch> {
    const reflector = new Reflector<ServiceIdentity>({ client, resource: resources.serviceIdentities, namespace })
    const watch = new ReadyWatch(reflector)
    await reflector.synced(AbortSignal.timeout(30_000))
    return watch
  }

  /** Resolves once the identity is Ready; rejects after the limit, naming it. */
  async ready(name: string, limitMs: number): Promise<void> {
    if (this.readyAt.has(name)) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${name} to be Ready`)), limitMs)
      this.#waiting.set(name, () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

export function identity(namespace: string, name: string): ServiceIdentity {
  return { apiVersion, kind: 'ServiceIdentity', metadata: { name, namespace }, spec: {} }
}

/** Runs a task for every item, so many at the same time. */
export async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await task(item)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

/** The value below which the share of the sorted values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
