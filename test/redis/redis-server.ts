import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../tools/cluster/daemon.ts'
import { ensurePackages } from '../../tools/cluster/packages.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { waitFor } from '../../tools/cluster/wait.ts'

export interface RedisServerOptions {
  /** Where its files go, of this server alone. */
  readonly directory: string
  readonly port?: number
  /** Lines of redis.conf. */
  readonly config?: readonly string[]
  readonly sentinel?: boolean
  /** How the harness itself reaches it, where that takes more than a port. */
  readonly admin?: RedisOptions
}

/** A real Redis on a loopback port, without persistence, that ends with the test process. */
export class RedisServer {
  readonly port: number
  readonly #options: RedisServerOptions
  #daemon: Daemon | undefined
  #admin: Redis | undefined

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port
    this.#options = options
  }

  /** Installs Debian's package where there is no `redis-server`, or says what to install. */
  static async start(options: RedisServerOptions): Promise<RedisServer> {
    await ensurePackages(['redis-server'], (line) => process.stderr.write(`  ${line}\n`))
    const port = options.port ?? (await freePorts(1))[0] ?? 0
    const server = new RedisServer(port, options)
    await server.start()
    return server
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0
  }

  /** A connection of the test's own. */
  get admin(): Redis {
    this.#admin ??= this.#connect()
    return this.#admin
  }

  async start(): Promise<void> {
    const { directory, config = [], sentinel = false } = this.#options
    const file = join(directory, `redis-${this.port}.conf`)
    // Under TLS the configuration says `port 0` after this one and names the port itself.
    const lines = [
      `port ${this.port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      ...(sentinel ? [] : standard),
      ...config,
      '',
    ]
    await writeFile(file, lines.join('\n'))
    const daemon = await startDaemon({
      name: 'redis-server',
      command: 'redis-server',
      args: [file, ...(sentinel ? ['--sentinel'] : [])],
      logFile: join(directory, `redis-${this.port}.log`),
      state: directory,
      diesWithParent: true,
    })
    this.#daemon = daemon
    const probe = this.#connect()
    try {
      await waitFor({
        what: `redis-server on port ${this.port} (log: ${daemon.logFile})`,
        limitMs: 10_000,
        everyMs: 10,
        until: () => probe.ping().then(() => true),
        gaveUp: () => goneError(daemon),
      })
    } finally {
      probe.disconnect()
    }
  }

  /** SIGKILL; returns when it is gone. */
  async kill(): Promise<void> {
    this.#admin?.disconnect()
    this.#admin = undefined
    const daemon = this.#daemon
    this.#daemon = undefined
    if (daemon !== undefined) await stopDaemon(daemon)
  }

  pause(): void {
    if (this.pid > 0) process.kill(this.pid, 'SIGSTOP')
  }

  resume(): void {
    if (this.pid > 0) process.kill(this.pid, 'SIGCONT')
  }

  #connect(): Redis {
    const redis = new Redis({
      host: '127.0.0.1',
      port: this.port,
      retryStrategy: () => 20,
      commandTimeout: 5000,
      enableReadyCheck: false,
      ...this.#options.admin,
      replyMapping: 'legacy',
    })
    redis.on('error', () => undefined)
    return redis
  }
}

const standard = ['save ""', 'appendonly no', 'enable-debug-command local', 'daemonize no']
