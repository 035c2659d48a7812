import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { waitFor } from '../../tools/cluster/wait.ts'

/** A line of the controller's JSON log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string }

/** `signet controller` as a process of its own, as it runs in a pod. */
export class ControllerProcess {
  readonly child: ChildProcess
  readonly lines: LogLine[] = []
  /** Everything written, for tests that look for what must not be there. */
  text = ''
  readonly metricsPort: number
  readonly probePort: number
  readonly #ended: Promise<void>

  private constructor(child: ChildProcess, metricsPort: number, probePort: number) {
    this.child = child
    this.metricsPort = metricsPort
    this.probePort = probePort
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue
      createInterface({ input: stream }).on('line', (line) => this.#read(line))
    }
    this.#ended = new Promise((resolve) => child.once('exit', () => resolve()))
  }

  static async start(kubeconfig: string, flags: readonly string[] = []): Promise<ControllerProcess> {
    const [metricsPort = 0, probePort = 0] = await freePorts(2)
    const child = spawn(
      process.execPath,
      [
        join(projectDirectory, 'src/cli/main.ts'),
        'controller',
        ...['--kubeconfig', kubeconfig, '--namespace', 'signet-system', '--log-level', 'debug'],
        ...['--metrics-port', String(metricsPort), '--probe-port', String(probePort)],
        ...flags,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], cwd: projectDirectory },
    )
    return new ControllerProcess(child, metricsPort, probePort)
  }

  /** Waits for a log line. */
  async said(message: string, limitMs = 60_000): Promise<LogLine> {
    const find = () => this.lines.find((line) => line.message === message)
    await waitFor({
      what: `the controller to say "${message}"; it ended with: ${this.text.slice(-300)}`,
      limitMs,
      everyMs: 20,
      until: () => Promise.resolve(find() !== undefined),
    })
    return find() ?? { message }
  }

  count(message: string, fields: Readonly<Record<string, unknown>> = {}): number {
    const matches = (line: LogLine) => Object.entries(fields).every(([name, value]) => line[name] === value)
    return this.lines.filter((line) => line.message === message && matches(line)).length
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text()
  }

  async metric(name: string, labels = ''): Promise<number> {
    const line = (await this.metrics()).split('\n').find((text) => text.startsWith(`${name}${labels} `))
    return Number(line?.split(' ').at(-1) ?? Number.NaN)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(signal)
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 35_000)
      await this.#ended
      clearTimeout(timer)
    }
    return this.child.exitCode
  }

  #read(line: string): void {
    this.text += `${line}\n`
    try {
      this.lines.push(JSON.parse(line) as LogLine)
    } catch {
      // A line that is not of the log, such as a message of Node's own.
    }
  }
}
