import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Kubectl } from '../test/apiserver/kubectl.ts'
import { operatorNamespace, renderChart } from '../test/chart/helm.ts'
import type { ControlPlane } from '../tools/cluster/control-plane.ts'
import { freePorts } from '../tools/cluster/ports.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { builtBundle } from './built-bundle.ts'
import { podOf } from './in-pod.ts'

/** Namespaces, resources, roles and admission policies of the chart on an API server that has no node. */
export async function installForController(plane: ControlPlane, namespaces: readonly string[]): Promise<void> {
  const kubectl = await Kubectl.of(plane)
  await kubectl.apply(
    [operatorNamespace, ...namespaces].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
  )
  const kinds = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$|^ValidatingAdmissionPolicy(Binding)?$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => kinds.test(kind)))
}

/** The shipped `signet controller`, run as the chart's account, and its costs. */
export class ControllerProcess {
  readonly #child: ChildProcess
  readonly #metricsPort: number

  private constructor(child: ChildProcess, metricsPort: number) {
    this.#child = child
    this.#metricsPort = metricsPort
  }

  /** Resolves once it leads. */
  static async start(plane: ControlPlane, flags: readonly string[] = []): Promise<ControllerProcess> {
    const inPod = await podOf(plane, 'signet-controller')
    const [metricsPort = 0, probePort = 0] = await freePorts(2)
    const ports = ['--metrics-port', String(metricsPort), '--probe-port', String(probePort)]
    const parameters = [
      await builtBundle(),
      'controller',
      '--namespace',
      operatorNamespace,
      ...ports,
      '--log-level',
      'warn',
    ]
    const { file, parameters: all, env } = inPod([...nodeFlags, ...profilerFlags(), ...parameters, ...flags])
    // Standard output is for the result.
    const child = spawn(file, all, { stdio: ['ignore', 2, 2], env })
    const started = new ControllerProcess(child, metricsPort)
    try {
      await waitFor({
        what: 'the controller to lead',
        limitMs: 60_000,
        everyMs: 50,
        until: async () => (await started.metrics()).value('signet_leader') === 1,
        gaveUp: () => started.gone(),
      })
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  }

  /** An error once it has ended of itself. */
  async gone(): Promise<Error | undefined> {
    const { exitCode } = this.#child
    return exitCode === null ? undefined : new Error(`the controller ended with exit code ${exitCode}`)
  }

  async metrics(): Promise<MetricsText> {
    const response = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)
    return new MetricsText(await response.text())
  }

  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8').catch(() => '')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
  }

  cpuSeconds(): Promise<number> {
    return cpuSecondsOf(this.#child.pid ?? 0)
  }

  /** Stops it while its API server is still there to give the Lease back to. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 20_000)
    await exit
    clearTimeout(timer)
  }
}

/** User and system time of a process (proc(5): utime, stime in ticks of 10 ms). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** One scrape. */
export class MetricsText {
  readonly #lines: readonly string[]

  constructor(text: string) {
    this.#lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  }

  /** The value of one series, by its name with labels; 0 where it is not there. */
  value(series: string): number {
    return this.sum((name) => name === series)
  }

  sum(matches: (series: string) => boolean): number {
    return this.#lines
      .filter((line) => matches(line.slice(0, line.lastIndexOf(' '))))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  /** Requests that read or write objects; watches are counted once and do not grow with identities. */
  apiCalls(): number {
    return this.sum(
      (series) =>
        series.startsWith('signet_api_requests_total{') && !/resource="leases"|verb="(watch|list)"/.test(series),
    )
  }
}

/** What the chart gives the controller in NODE_OPTIONS; 384 MB are 75 percent of the memory that it limits it to. */
const nodeFlags = ['--max-semi-space-size=2', '--max-old-space-size=384']

/** `SIGNET_BENCH_PROFILE=DIR` writes a CPU profile there. */
function profilerFlags(): string[] {
  const directory = process.env['SIGNET_BENCH_PROFILE']
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`]
}
