import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram } from '../../cluster/command.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../cluster/daemon.ts'
import { ensurePackages } from '../../cluster/packages.ts'
import { freePorts, isFree } from '../../cluster/ports.ts'
import { signal } from '../../cluster/process-identity.ts'
import { waitFor } from '../../cluster/wait.ts'

const address = '127.0.0.1'

/**
 * nginx in front of replicas, as a Service is: it balances TCP connections, which stay where they are, also when its
 * list of replicas changes; it neither ends TLS nor sees requests, and repeats none. In one thing it does better than
 * kube-proxy: where a replica refuses a connection, on which nothing has been sent yet, it takes the next replica.
 */
export class ServiceProxy {
  readonly port: number
  readonly #directory: string
  #nginx: Daemon | undefined

  private constructor(directory: string, port: number) {
    this.#directory = directory
    this.port = port
  }

  /** Its files go to the directory. Installs Debian's packages where there is no nginx, or says what to install. */
  static async start(
    directory: string,
    replicas: readonly number[],
    log: (line: string) => void,
  ): Promise<ServiceProxy> {
    await ensurePackages(['nginx', 'libnginx-mod-stream'], log)
    const [port = 0] = await freePorts(1)
    const proxy = new ServiceProxy(directory, port)
    await proxy.#start(replicas)
    return proxy
  }

  get url(): string {
    return `https://${address}:${this.port}`
  }

  /** New connections go to these ports from now on; those that are open stay. */
  async route(replicas: readonly number[]): Promise<void> {
    await this.#configure(replicas)
    if (this.#nginx !== undefined) signal(this.#nginx, 'SIGHUP')
  }

  async stop(): Promise<void> {
    const nginx = this.#nginx
    this.#nginx = undefined
    if (nginx !== undefined) await stopDaemon(nginx, 5000)
  }

  async #start(replicas: readonly number[]): Promise<void> {
    await this.#configure(replicas)
    const nginx = await startDaemon({
      name: 'nginx',
      command: findProgram('nginx') ?? 'nginx',
      args: ['-e', 'stderr', '-p', this.#directory, '-c', this.#file],
      logFile: join(this.#directory, 'nginx.log'),
      state: this.#directory,
      diesWithParent: true,
    })
    this.#nginx = nginx
    await waitFor({
      what: `nginx on port ${this.port}`,
      limitMs: 10_000,
      everyMs: 20,
      until: async () => !(await isFree(this.port, address)),
      gaveUp: () => goneError(nginx),
    })
  }

  get #file(): string {
    return join(this.#directory, 'nginx.conf')
  }

  #configure(replicas: readonly number[]): Promise<void> {
    return writeFile(this.#file, configurationOf(this.port, replicas))
  }
}

function configurationOf(port: number, replicas: readonly number[]): string {
  return `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid nginx.pid;
error_log stderr warn;
worker_processes 1;
events { worker_connections 1024; }
stream {
  upstream replicas {
${replicas.map((replica) => `    server ${address}:${replica} max_fails=1 fail_timeout=1s;\n`).join('')}  }
  server {
    listen ${address}:${port};
    proxy_pass replicas;
    proxy_connect_timeout 1s;
    proxy_next_upstream on;
  }
}
`
}
