import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, systemClock } from '../time/clock.ts'
import type { Logger } from '../logger.ts'
import { answerText } from './respond.ts'
import { CertificateFiles } from './certificate-files.ts'
import { type AskingConnection, Connections } from './connections.ts'
import { drainEndMs, maxAgeMs } from './connection-draining.ts'

/** Limits for peers. Times in milliseconds. */
export interface ServerLimits {
  /** The most connections; see `Connections`. */
  readonly connections: number
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly handshakeTimeout: number
  /** The time within which a peer must read a finished response. */
  readonly responseTimeout: number
  /** How often the header and request timeouts are checked. */
  readonly checkInterval: number
  readonly headerBytes: number
  /** How long an idle connection is kept. Longer than the API server keeps its end, 90 s. */
  readonly keepAliveTimeout: number
  /** The age after which a connection ends with its next response, ± 20 %. */
  readonly connectionAge: number
  /** How often the certificate files are read. */
  readonly certificateInterval: number
}

const defaultLimits: ServerLimits = {
  connections: 1024,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  handshakeTimeout: 10_000,
  responseTimeout: 15_000,
  checkInterval: 1000,
  headerBytes: 16 * 1024,
  keepAliveTimeout: 120_000,
  connectionAge: 300_000,
  certificateInterval: 1000,
}

export interface TlsServerOptions {
  /** 0 selects a free port. */
  readonly port: number
  readonly host?: string
  /** The folder of `tls.crt` and `tls.key`, read again when they change. The files may appear after the start. */
  readonly certificateDirectory: string
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  readonly limits?: Partial<ServerLimits>
  readonly logger: Logger
  readonly clock?: Clock
  /** Called for each loaded certificate with its expiry, in milliseconds since the epoch. */
  readonly onCertificate?: (notAfter: number) => void
}

export interface TlsServer {
  readonly port: number
  /** Why no request can be served; undefined when ready. */
  ready(): string | undefined
  /**
   * Serves for `graceMs` while ending one connection after another, each with a response, then closes. Resolves when
   * every request in progress has been answered.
   */
  drain(graceMs: number): Promise<void>
  /** Closes at once, without waiting for requests in progress. */
  close(): Promise<void>
}

/** TLS 1.2 or later (RFC 9325 §3.1.1), and HTTP/1.1 only. */
const tlsOptions = { minVersion: 'TLSv1.2' } as const

/** Starts an HTTPS server. It listens at once, and completes handshakes as soon as its certificate exists. */
export async function startTlsServer(options: TlsServerOptions): Promise<TlsServer> {
  const { port, host, certificateDirectory, handler, logger, clock = systemClock, onCertificate } = options
  const limits = { ...defaultLimits, ...options.limits }
  const connections = new Connections(limits.connections, clock)
  let drain: { readonly began: number; readonly graceMs: number } | undefined
  const mustEnd = ({ number, since }: AskingConnection): boolean => {
    const now = clock.monotonic()
    if (now - since >= maxAgeMs(number, limits.connectionAge)) return true
    return drain !== undefined && now - drain.began >= drainEndMs(number, drain.graceMs)
  }
  const server = createServer(
    {
      ...tlsOptions,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.handshakeTimeout,
      headersTimeout: limits.headersTimeout,
      requestTimeout: limits.requestTimeout,
      connectionsCheckingInterval: limits.checkInterval,
      keepAliveTimeout: limits.keepAliveTimeout,
      maxHeaderSize: limits.headerBytes,
    },
    (request, response) => {
      const connection = connections.ask(request.socket, response)
      if (connection !== undefined && mustEnd(connection)) response.shouldKeepAlive = false
      try {
        handler(request, response)
      } catch (error) {
        logger.error('request not answered', { error })
        if (response.headersSent) response.destroy()
        else answerText(response, 500, 'internal error')
      }
    },
  )
  server.on('connection', (socket: Socket) => connections.accept(socket))
  server.once('close', connections.dropSlowReaders(limits.responseTimeout))
  server.on('secureConnection', (socket) => connections.open(socket))
  server.on('tlsClientError', (error) => logger.debug('TLS handshake failed', { error }))
  const files = new CertificateFiles({
    directory: certificateDirectory,
    onPair: ({ cert, key, notAfter }) => {
      // Open connections keep their context.
      server.setSecureContext({ ...tlsOptions, cert, key })
      onCertificate?.(notAfter)
    },
    clock,
    logger,
  })
  await files.reload()
  await listen(server, port, host)
  server.on('error', (error) => logger.error('TLS server failed', { error }))
  const stopReloading = repeat(() => files.reload(), limits.certificateInterval)
  const close = async (): Promise<void> => {
    stopReloading()
    const closed = closeServer(server)
    connections.destroyAll()
    await closed
  }
  return {
    port: (server.address() as AddressInfo).port,
    ready: () => files.reason(),
    drain: async (graceMs) => {
      drain = { began: clock.monotonic(), graceMs }
      await new Promise((resolve) => setTimeout(resolve, graceMs))
      stopReloading()
      // Closes idle connections now, the others after their response.
      const closed = closeServer(server)
      // A response that was being finished at that moment leaves its connection idle afterwards.
      const sweep = setInterval(() => server.closeIdleConnections(), idleSweepMs)
      const deadline = setTimeout(() => connections.destroyAll(), limits.requestTimeout)
      await closed
      clearInterval(sweep)
      clearTimeout(deadline)
    },
    close,
  }
}

/** While the server closes, the time between two searches for idle connections, in milliseconds. */
const idleSweepMs = 50

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Resolves when the last connection has ended, even if the server was closed before. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

/** Runs `work` repeatedly, `interval` milliseconds after its last end. Does not keep the process alive. */
function repeat(work: () => Promise<void>, interval: number): () => void {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const next = (): void => {
    timer = setTimeout(() => {
      void work().finally(() => {
        if (!stopped) next()
      })
    }, interval)
    timer.unref()
  }
  next()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
