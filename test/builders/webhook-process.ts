import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { SecretFolder } from './serving-certificate.ts'
import { freePorts } from '../../tools/cluster/ports.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const brief = fileURLToPath(new URL('./brief-webhook.ts', import.meta.url))

interface WebhookProcessOptions {
  readonly port?: number
  /** How long the process serves on after the signal; without it as long as in production. */
  readonly drainMs?: number
}

/** `signet webhook` as a process of its own, with the folder that its Secret would be mounted at. */
export class WebhookProcess {
  readonly port: number
  readonly folder: SecretFolder
  private readonly child: ReturnType<typeof start>
  private readonly ended: Promise<unknown[]>
  private readonly probePort: number
  private readonly metricsPort: number

  private constructor(child: ReturnType<typeof start>, folder: SecretFolder, ports: readonly [number, number, number]) {
    this.child = child
    this.ended = once(child, 'exit')
    this.folder = folder
    ;[this.port, this.probePort, this.metricsPort] = ports
  }

  /** Resolves when the process listens; it is ready once its folder has a certificate. */
  static async start(options: WebhookProcessOptions = {}): Promise<WebhookProcess> {
    const folder = await SecretFolder.create()
    const [free = 0, probePort = 0, metricsPort = 0] = await freePorts(3)
    const port = options.port ?? free
    const settings = { port, probePort, metricsPort, certificateDirectory: folder.path, logLevel: 'warn' }
    const child = start(settings, options.drainMs)
    const started = new WebhookProcess(child, folder, [port, probePort, metricsPort])
    try {
      await started.until(async () => !(await started.probe('/readyz')).text.includes('is starting'))
    } catch (error) {
      await started.stop()
      throw error
    }
    return started
  }

  async probe(path: string): Promise<{ readonly status: number; readonly text: string }> {
    return get(this.probePort, path)
  }

  async metrics(): Promise<string> {
    return (await get(this.metricsPort, '/metrics')).text
  }

  async isReady(): Promise<boolean> {
    return (await this.probe('/readyz')).status === 200
  }

  async untilReady(): Promise<void> {
    await this.until(() => this.isReady())
  }

  /** Memory in use, in MiB. */
  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  }

  /** Asks the process to end; resolves when it has, with its exit code, or null where it had to be killed. */
  async terminate(): Promise<number | null> {
    this.child.kill('SIGTERM')
    const [code] = (await this.ended) as [number | null]
    return code
  }

  /** Ends the process now, if it still runs. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null) this.child.kill('SIGKILL')
    await this.ended
    await this.folder.remove()
  }

  private async until(holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + 60_000
    while (!(await holds().catch(() => false))) {
      if (this.child.exitCode !== null) throw new Error(`signet webhook ended with exit code ${this.child.exitCode}`)
      if (performance.now() > end) throw new Error('signet webhook did not come up within 60 s')
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}

function start(settings: Readonly<Record<string, string | number>>, drainMs: number | undefined) {
  const flags = Object.entries(settings).map(([name, value]) => `--${kebab(name)}=${value}`)
  const command =
    drainMs === undefined ? [main, 'webhook', ...flags] : [brief, String(drainMs), JSON.stringify(settings)]
  return spawn(process.execPath, command, { stdio: ['ignore', 'inherit', 'inherit'] })
}

const kebab = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

async function get(port: number, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } })
  return { status: response.status, text: await response.text() }
}
