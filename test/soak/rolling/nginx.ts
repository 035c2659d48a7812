import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '../../cluster/command.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../cluster/daemon.ts'
import { ensurePackages } from '../../cluster/packages.ts'
import { freePorts, isFree } from '../../cluster/ports.ts'
import { signal } from '../../cluster/process-identity.ts'
import { waitFor } from '../../cluster/wait.ts'

export const address = '127.0.0.1'

/** What a proxy does, as a block of nginx's configuration: `stream` or `http`, listening on this address and port. */
export type Block = (port: number) => string

/** One nginx in the foreground, with one worker. */
export class Nginx {
  readonly port: number
  readonly #directory: string
  #daemon: Daemon | undefined

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.port = port
  }

  /** Its files go to the directory. Installs Debian's packages where there is no nginx, or says what to install. */
  static async start(directory: string, block: Block, log: (line: string) => void): Promise<Nginx> {
    await ensurePackages(['nginx', 'libnginx-mod-stream'], log)
    const [port = 0] = await freePorts(1)
    const nginx = new Nginx(directory, port)
    await nginx.#start(block)
    return nginx
  }

  get url(): string {
    return `https://${address}:${this.port}`
  }

  /** For new connections; those that are open stay as they are. */
  async configure(block: Block): Promise<void> {
    await this.#write(block)
    if (this.#daemon !== undefined) signal(this.#daemon, 'SIGHUP')
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon
    this.#daemon = undefined
    if (daemon !== undefined) await stopDaemon(daemon, 5000)
  }

  async #start(block: Block): Promise<void> {
    await this.#write(block)
    const daemon = await startDaemon({
      name: 'nginx',
      command: findProgram('nginx') ?? 'nginx',
      args: ['-e', 'stderr', '-p', this.#directory, '-c', this.#file],
      logFile: join(this.#directory, 'nginx.log'),
      state: this.#directory,
      diesWithParent: true,
    })
    this.#daemon = daemon
    await waitFor({
      what: `nginx on port ${this.port}`,
      limitMs: 10_000,
      everyMs: 20,
      until: async () => !(await isFree(this.port, address)),
      gaveUp: () => goneError(daemon),
    })
  }

  get #file(): string {
    return join(this.#directory, 'nginx.conf')
  }

  #write(block: Block): Promise<void> {
    return writeFile(this.#file, `${general}${block(this.port)}`)
  }
}

const general = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid nginx.pid;
error_log stderr warn;
worker_processes 1;
events { worker_connections 1024; }
`
