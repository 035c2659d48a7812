import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerProcess } from '../../../bench/server-process.ts'
import type { Proxy } from './proxies.ts'

/** Replicas behind a proxy, and what a Deployment and kubelet do with them. */
export class Deployment {
  /** How long replicas took to leave that were told to, in seconds. */
  readonly leftSeconds: number[] = []
  readonly #proxy: Pick<Proxy, 'route'>
  readonly #startReplica: () => Promise<ServerProcess>
  readonly #endpointLagMs: number
  readonly #minReadyMs: number
  #endpoints: readonly ServerProcess[]

  constructor(options: {
    readonly proxy: Pick<Proxy, 'route'>
    /** None at first, if nothing else is said. */
    readonly replicas?: readonly ServerProcess[]
    /** Resolves once it is ready. */
    readonly startReplica: () => Promise<ServerProcess>
    /** How late a Service hears that an endpoint has gone: kubelet's look, and kube-proxy's. */
    readonly endpointLagMs: number
    /** How long one has to have been ready until it counts as available: `minReadySeconds` of the chart. */
    readonly minReadyMs: number
  }) {
    this.#proxy = options.proxy
    this.#endpoints = options.replicas ?? []
    this.#startReplica = options.startReplica
    this.#endpointLagMs = options.endpointLagMs
    this.#minReadyMs = options.minReadyMs
  }

  /** One more is started, and gets its share once it is ready. Resolves when it is available. */
  async add(): Promise<void> {
    const replica = await this.#startReplica()
    await this.#route([...this.#endpoints, replica])
    await sleep(this.#minReadyMs)
  }

  /** One more starts beside them, and is gone without having had anything to do: what that takes of the cores, alone. */
  async startBeside(): Promise<void> {
    const replica = await this.#startReplica()
    await sleep(this.#minReadyMs)
    await replica.end('SIGKILL')
  }

  /** The oldest pod is deleted: SIGTERM at once, the endpoint goes a little later; another takes its place. */
  async delete(): Promise<void> {
    await Promise.all([this.#end(this.#oldest(), 'SIGTERM'), this.add()])
  }

  /** The oldest one is gone from one moment to the next, without a word; another takes its place. */
  async kill(): Promise<void> {
    await this.#end(this.#oldest(), 'SIGKILL')
    await this.add()
  }

  /** As a Deployment with `maxSurge: 1` and `maxUnavailable: 0`: a pod leaves when the one that replaces it is available. */
  async roll(): Promise<void> {
    const leaving: Promise<void>[] = []
    for (const replica of this.#endpoints) {
      await this.add()
      leaving.push(this.#end(replica, 'SIGTERM'))
    }
    await Promise.all(leaving)
  }

  #oldest(): ServerProcess {
    const [oldest] = this.#endpoints
    if (oldest === undefined) throw new Error('there is no replica')
    return oldest
  }

  async #end(replica: ServerProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const began = performance.now()
    const ended = replica.end(signal)
    await sleep(this.#endpointLagMs)
    await this.#route(this.#endpoints.filter((endpoint) => endpoint !== replica))
    await ended
    if (signal === 'SIGTERM') this.leftSeconds.push((performance.now() - began) / 1000)
  }

  async #route(endpoints: readonly ServerProcess[]): Promise<void> {
    this.#endpoints = endpoints
    await this.#proxy.route(endpoints.map(({ port }) => port))
  }
}
