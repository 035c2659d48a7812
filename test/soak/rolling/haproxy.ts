import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findProgram } from '../../../tools/cluster/command.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../../tools/cluster/daemon.ts'
import { ensurePackages } from '../../../tools/cluster/packages.ts'
import { freePorts, isFree } from '../../../tools/cluster/ports.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'
import { assign } from './slots.ts'

export const address = '127.0.0.1'

/** Replicas at the same time, while one takes the place of another. */
const slots = 4

export interface HAProxyOptions {
  /** Its own, for its files. */
  readonly directory: string
  /** `tcp` or `http`. */
  readonly mode: 'tcp' | 'http'
  /** What follows the address in `bind`. */
  readonly bind?: string
  /** Lines of the backend. */
  readonly backend: readonly string[]
  /** What follows the address of each replica. */
  readonly server?: string
  readonly log: (line: string) => void
}

/** One HAProxy of one thread, whose replicas are told over its runtime API: connections stay when they change. */
export class HAProxy {
  readonly port: number
  readonly #directory: string
  readonly #daemon: Daemon
  #ports: readonly (number | undefined)[] = Array.from({ length: slots }, () => undefined)

  private constructor(directory: string, port: number, daemon: Daemon) {
    this.#directory = directory
    this.port = port
    this.#daemon = daemon
  }

  /** Has no replicas yet. Installs Debian's package where there is no HAProxy, or says what to install. */
  static async start(options: HAProxyOptions): Promise<HAProxy> {
    const { directory, log } = options
    await ensurePackages(['haproxy'], log)
    const [port = 0] = await freePorts(1)
    const file = join(directory, 'haproxy.cfg')
    await writeFile(file, configuration(options, port))
    const daemon = await startDaemon({
      name: 'haproxy',
      command: findProgram('haproxy') ?? 'haproxy',
      args: ['-db', '-f', file],
      logFile: join(directory, 'haproxy.log'),
      state: directory,
      diesWithParent: true,
    })
    await waitFor({
      what: `HAProxy on port ${port}`,
      limitMs: 10_000,
      everyMs: 20,
      until: async () => !(await isFree(port, address)),
      gaveUp: () => goneError(daemon),
    })
    return new HAProxy(directory, port, daemon)
  }

  get url(): string {
    return `https://${address}:${this.port}`
  }

  async route(ports: readonly number[]): Promise<void> {
    const next = assign(this.#ports, ports)
    for (const [index, port] of next.entries()) {
      if (port === this.#ports[index]) continue
      const server = `set server replicas/${index}`
      if (port !== undefined) await this.#tell(`${server} addr ${address} port ${port}`)
      await this.#tell(`${server} state ${port === undefined ? 'maint' : 'ready'}`)
    }
    this.#ports = next
  }

  async stop(): Promise<void> {
    await stopDaemon(this.#daemon, 5000)
  }

  async #tell(command: string): Promise<void> {
    const socket = connect(runtimeSocket(this.#directory))
    await once(socket, 'connect')
    socket.end(`${command}\n`)
    const answer = (await text(socket)).trim()
    if (answer !== '' && !/port changed|no need to change/.test(answer)) {
      throw new Error(`HAProxy does not take "${command}": ${answer}`)
    }
  }
}

function runtimeSocket(directory: string): string {
  return join(directory, 'haproxy.sock')
}

function configuration({ directory, mode, bind = '', backend, server = '' }: HAProxyOptions, port: number): string {
  const servers = Array.from({ length: slots }, (_, index) => `  server ${index} ${address}:1 disabled ${server}\n`)
  return `global
  nbthread 1
  stats socket ${runtimeSocket(directory)} mode 600 level admin
defaults
  mode ${mode}
  timeout connect 1s
  timeout client 5m
  timeout server 1m
  default-server check inter 1s
frontend services
  bind ${address}:${port} ${bind}
  default_backend replicas
backend replicas
${backend.map((line) => `  ${line}\n`).join('')}${servers.join('')}`
}
