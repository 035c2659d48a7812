import { type Dispatcher, Pool, ProxyAgent } from 'undici'
import { type Clock, systemClock } from '../../time/clock.ts'
import type { Logger } from '../../logger.ts'
import { type KubeCredential, KubeConfigError, type KubeConfiguration } from './kubeconfig.ts'
import { Credentials } from './credentials.ts'
import { isCertificateError } from './retry.ts'
import { ServerClock } from '../../time/server-clock.ts'

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly pool: 'default' | 'lease' | 'watch'
  readonly signal: AbortSignal
}

export type TransportResponse = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>

export interface TransportOptions {
  readonly clock?: Clock | undefined
  readonly logger?: Logger | undefined
  /** After how many milliseconds token and CA are read again; default 60,000. */
  readonly refreshMs?: number | undefined
  /** Limit for the headers of a response, in milliseconds; default 15,000. */
  readonly headersTimeoutMs?: number | undefined
  /** Limit between two chunks of a response body, except of a watch, in milliseconds; default 30,000. */
  readonly bodyTimeoutMs?: number | undefined
}

export interface TransportStats {
  /** Connections opened since the start. */
  readonly connections: number
  /** Connections open now. */
  readonly open: number
  /** How often changed certificates replaced the connections. */
  readonly rotations: number
}

/** Connections per pool; null is unlimited. Watches are few, and none may wait for another. */
const connections = { default: 16, lease: 1, watch: null } as const
type Pools = Readonly<Record<keyof typeof connections, Dispatcher>>

const watchHeadersTimeoutMs = 30_000

/**
 * Pooled HTTP/1.1 connections to one API server. Calls, watches and the lease each have their own pool, so that none
 * waits for another; requests beyond the size of a pool queue. When certificates change, new connections replace the
 * old ones, which close after their last request.
 */
export class Transport {
  readonly #configuration: KubeConfiguration
  readonly #options: TransportOptions
  readonly #credentials: Credentials
  readonly #serverClock: ServerClock
  readonly #origin: string
  readonly #prefix: string
  readonly #retiring = new Set<Pools>()
  readonly #counters = { connections: 0, open: 0, rotations: 0 }
  #pools: { pools: Pools; credential: KubeCredential } | undefined
  #closed = false

  constructor(configuration: KubeConfiguration, options: TransportOptions = {}) {
    const url = new URL(configuration.server)
    if (url.protocol !== 'https:' && configuration.insecureSkipVerify !== true) {
      throw new KubeConfigError(`refusing to send credentials unencrypted to ${url.origin}`)
    }
    this.#configuration = configuration
    this.#options = options
    this.#credentials = new Credentials(configuration, options)
    this.#serverClock = new ServerClock(options.clock ?? systemClock)
    this.#origin = url.origin
    this.#prefix = url.pathname.replace(/\/+$/, '')
  }

  get stats(): TransportStats {
    return { ...this.#counters }
  }

  /** By how much the local clock is ahead of the API server's, in milliseconds; undefined before the first response. */
  clockOffset(): number | undefined {
    return this.#serverClock.offset()
  }

  /**
   * Resolves with the status and headers; the caller must read or destroy the body. After a 401 or a certificate error
   * the request is repeated once if the credentials have changed.
   */
  async request(request: TransportRequest): Promise<TransportResponse> {
    const credential = await this.#credentials.current()
    try {
      const answer = await this.#send(request, credential)
      if (answer.statusCode !== 401) return answer
      const fresh = await this.#credentials.reload()
      if (fresh.headers['authorization'] === credential.headers['authorization'] && sameTls(fresh, credential))
        return answer
      await answer.body.dump()
      return await this.#send(request, fresh)
    } catch (error) {
      if (!isCertificateError(error)) throw error
      const fresh = await this.#credentials.reload()
      if (sameTls(fresh, credential)) throw error
      return this.#send(request, fresh)
    }
  }

  /** Closes all connections at once; requests in flight fail. */
  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#retiring, ...(this.#pools === undefined ? [] : [this.#pools.pools])]
    await Promise.all(all.flatMap((pools) => Object.values(pools)).map((pool) => pool.destroy()))
  }

  async #send(request: TransportRequest, credential: KubeCredential): Promise<TransportResponse> {
    const { method, path, headers, body, pool, signal } = request
    const watching = pool === 'watch'
    signal.throwIfAborted()
    const answer = await this.#poolsFor(credential)[pool].request({
      origin: this.#origin,
      path: this.#prefix + path,
      method,
      headers: { ...headers, ...credential.headers },
      body: body ?? null,
      signal,
      headersTimeout: watching ? watchHeadersTimeoutMs : (this.#options.headersTimeoutMs ?? 15_000),
      bodyTimeout: watching ? 0 : (this.#options.bodyTimeoutMs ?? 30_000),
    })
    this.#serverClock.see(answer.headers.date)
    return answer
  }

  #poolsFor(credential: KubeCredential): Pools {
    if (this.#closed) throw new KubeConfigError('the client is closed')
    const current = this.#pools
    if (current !== undefined && sameTls(current.credential, credential)) return current.pools
    const pools: Pools = {
      default: this.#open(credential, connections.default),
      lease: this.#open(credential, connections.lease),
      watch: this.#open(credential, connections.watch),
    }
    this.#pools = { pools, credential }
    if (current !== undefined) {
      this.#counters.rotations++
      this.#options.logger?.info('certificates changed, replacing the connections to the API server')
      this.#retire(current.pools)
    }
    return pools
  }

  #retire(pools: Pools): void {
    this.#retiring.add(pools)
    void Promise.allSettled(Object.values(pools).map((pool) => pool.close())).then(() => this.#retiring.delete(pools))
  }

  #open(credential: KubeCredential, size: number | null): Dispatcher {
    const { serverName, insecureSkipVerify, proxyUrl } = this.#configuration
    const tls = {
      ...(credential.ca === undefined ? {} : { ca: credential.ca }),
      ...(credential.cert === undefined ? {} : { cert: credential.cert }),
      ...(credential.key === undefined ? {} : { key: credential.key }),
      ...(serverName === undefined ? {} : { servername: serverName }),
      ...(insecureSkipVerify === true ? { rejectUnauthorized: false } : {}),
    }
    const shared = {
      connections: size,
      pipelining: 1,
      // One request per connection: an abort ends that request alone, and a slow response delays no other.
      allowH2: false,
      // Shorter than the 90 s after which the API server closes an idle connection.
      keepAliveTimeout: 45_000,
      keepAliveMaxTimeout: 45_000,
    }
    const socket = { keepAlive: true, keepAliveInitialDelay: 15_000, timeout: 10_000 }
    const dispatcher =
      proxyUrl === undefined
        ? new Pool(this.#origin, { ...shared, connect: { ...tls, ...socket } })
        : new ProxyAgent({ ...shared, uri: proxyUrl, requestTls: { ...tls, ...socket } })
    dispatcher.on('connect', () => {
      this.#counters.connections++
      this.#counters.open++
    })
    dispatcher.on('disconnect', () => {
      this.#counters.open--
    })
    return dispatcher
  }
}

function sameTls(a: KubeCredential, b: KubeCredential): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key
}
