import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Clock, systemClock } from '../time/clock.ts'
import type { Logger } from '../logger.ts'
import { answerText } from './respond.ts'
import { CertificateFiles } from './certificate-files.ts'
import { type AskingConnection, Connections } from './connections.ts'
import { drainEndMs, maxAgeMs } from './connection-draining.ts'

/** Bounds on what a peer may take; times in milliseconds. */
export interface ServerLimits {
  /** See `Connections`. */
  readonly connections: number
  readonly headersTimeout: number
  readonly requestTimeout: number
  readonly handshakeTimeout: number
  /** How long a peer may take to read an answer, from its end. */
  readonly responseTimeout: number
  /** How often the two request time-outs are looked at. */
  readonly checkInterval: number
  readonly headerBytes: number
  /** How long a connection is kept between requests. The API server keeps its end for 90 s, so ours is longer. */
  readonly keepAliveTimeout: number
  /** After which a connection ends with its next answer, give or take a fifth. */
  readonly connectionAge: number
  /** How often the certificate files are looked at. */
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
  /** 0 for any free one. */
  readonly port: number
  readonly host?: string
  /** Folder with `tls.crt` and `tls.key`, read again when they change. They may come after the start. */
  readonly certificateDirectory: string
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void
  readonly limits?: Partial<ServerLimits>
  readonly logger: Logger
  readonly clock?: Clock
  /** Called with the end, in milliseconds since the epoch, of every certificate that is loaded. */
  readonly onCertificate?: (notAfter: number) => void
}

export interface TlsServer {
  readonly port: number
  /** Why no request can be served; undefined when ready. */
  ready(): string | undefined
  /**
   * Serves on for `graceMs`, ending connections one after another, each with an answer, then closes. Resolves once every
   * request that had begun is answered.
   */
  drain(graceMs: number): Promise<void>
  /** Closes at once, whatever is under way. */
  close(): Promise<void>
}

/** TLS from 1.2 (RFC 9325 §3.1.1) and HTTP/1.1 only. */
const tlsOptions = { minVersion: 'TLSv1.2' } as const

/** An HTTPS server that listens at once and handshakes as soon as its certificate is there. */
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
      // Connections that are open keep the context that they began with.
      server.setSecureContext({ ...tlsOptions, cert, key })
      onCertificate?.(notAfter)
    },
    clock,
    logger,
  })
  await files.reload()
  await listen(server, port, host)
  server.on('error', (error) => logger.error('TLS server', { error }))
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
      // Idle connections end now; the others with the answer that they wait for.
      const closed = closeServer(server)
      const deadline = setTimeout(() => connections.destroyAll(), limits.requestTimeout)
      await closed
      clearTimeout(deadline)
    },
    close,
  }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Resolves when the last connection has ended, also where the server was closed before. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

/** Runs `work` again and again, `interval` after its last end, without keeping the process alive. */
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
