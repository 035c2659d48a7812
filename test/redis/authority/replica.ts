import { Pool } from 'undici'
import { servingName } from '../../builders/serving-certificate.ts'
import { operatorNamespace } from '../../chart/helm.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../../tools/cluster/daemon.ts'
import { freePorts } from '../../../tools/cluster/ports.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'

export type Form = Readonly<Record<string, string>>

/** A form, and what proves who sends it where that is no part of the form. */
export interface Asked {
  readonly endpoint: 'token' | 'introspect' | 'revoke'
  readonly form: Form
  readonly bearer?: string
}

export interface Answer {
  /** 0 where there was none. */
  readonly status: number
  readonly retryAfter: string | undefined
  /** What went wrong, where there was no answer. */
  readonly body: string
}

export interface ReplicaOptions {
  readonly program: string
  readonly kubeconfig: string
  readonly certificateDirectory: string
  readonly ca: string
  readonly directory: string
  readonly logFile: string
  readonly flags: readonly string[]
}

/** `signet authority` as a process, asked over TLS on connections that are kept. */
export class AuthorityReplica {
  readonly #daemon: Daemon
  readonly #pool: Pool
  readonly #metricsPort: number

  private constructor(daemon: Daemon, pool: Pool, metricsPort: number) {
    this.#daemon = daemon
    this.#pool = pool
    this.#metricsPort = metricsPort
  }

  /** Resolves once it is ready. */
  static async start(options: ReplicaOptions): Promise<AuthorityReplica> {
    const [port = 0, metricsPort = 0, probePort = 0] = await freePorts(3)
    const settings = {
      namespace: operatorNamespace,
      kubeconfig: options.kubeconfig,
      'certificate-directory': options.certificateDirectory,
      port,
      'metrics-port': metricsPort,
      'probe-port': probePort,
    }
    const daemon = await startDaemon({
      name: 'authority',
      command: process.execPath,
      args: [
        options.program,
        'authority',
        ...Object.entries(settings).map(([flag, value]) => `--${flag}=${value}`),
        ...options.flags,
      ],
      logFile: options.logFile,
      state: options.directory,
      diesWithParent: true,
    })
    const connect = { ca: options.ca, servername: servingName }
    const pool = new Pool(`https://127.0.0.1:${port}`, { connections: 32, connect, headersTimeout: 20_000 })
    const replica = new AuthorityReplica(daemon, pool, metricsPort)
    try {
      await waitFor({
        what: 'the authority to be ready',
        limitMs: 60_000,
        everyMs: 50,
        until: async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).ok,
        gaveUp: () => goneError(daemon),
      })
    } catch (error) {
      await replica.stop()
      throw error
    }
    return replica
  }

  /** Never asks twice: whatever the first answer is, it is the answer. */
  async ask({ endpoint, form, bearer }: Asked): Promise<Answer> {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    }
    const body = new URLSearchParams(form).toString()
    try {
      const answer = await this.#pool.request({ path: `/${endpoint}`, method: 'POST', headers, body })
      const retryAfter = answer.headers['retry-after']
      return {
        status: answer.statusCode,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
        body: await answer.body.text(),
      }
    } catch (error) {
      return { status: 0, retryAfter: undefined, body: String(error) }
    }
  }

  /** The sum of all series of a metric that have these labels; it may be a second old. */
  async metric(name: string, labels: Form = {}): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text()
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return text
      .split('\n')
      .filter((line) => new RegExp(`^${name}[ {]`).test(line) && wanted.every((part) => line.includes(part)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  async stop(): Promise<void> {
    await this.#pool.destroy()
    await stopDaemon(this.#daemon)
  }
}
