import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { answerText, refuse } from './respond.ts'
import { Connections } from './connections.ts'

/** The overall readiness, and why each part is not ready (undefined if it is). */
export interface Readiness {
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly reason: string | undefined }[]
}

export interface ProbeServerOptions {
  /** 0 selects a free port. */
  readonly port: number
  readonly host?: string
  readonly ready: () => Readiness
  /** The content of /metrics. Without it the path does not exist. */
  readonly metrics?: { readonly contentType: string; readonly render: () => Promise<string> }
  readonly logger: Logger
  /** Milliseconds within which a peer must read a finished response. */
  readonly responseTimeout?: number
}

export interface ProbeServer {
  readonly port: number
  close(): Promise<void>
}

type Endpoint = (response: ServerResponse) => void

/**
 * Serves /livez, /readyz and optionally /metrics over plain HTTP. /livez only shows that the event loop runs: a restart
 * does not repair what the process depends on.
 */
export async function startProbeServer({
  port,
  host,
  ready,
  metrics,
  logger,
  responseTimeout = 15_000,
}: ProbeServerOptions): Promise<ProbeServer> {
  const endpoints = new Map<string, Endpoint>([
    ['/livez', (response) => answerText(response, 200, 'ok')],
    ['/readyz', (response) => answerReadiness(response, ready())],
  ])
  if (metrics !== undefined) {
    endpoints.set('/metrics', (response) => {
      metrics.render().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        (error: unknown) => {
          logger.error('metrics not rendered', { error })
          answerText(response, 500, 'metrics cannot be rendered')
        },
      )
    })
  }
  const connections = new Connections(128)
  const server = createServer(
    {
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 120_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      connections.ask(request.socket, response)
      try {
        serve(endpoints, request, response)
      } catch (error) {
        logger.error('probe not answered', { error })
        if (response.headersSent) response.destroy()
        else answerText(response, 500, messageOf(error))
      }
    },
  )
  server.on('connection', (socket) => {
    connections.accept(socket)
    connections.open(socket)
  })
  server.once('close', connections.dropSlowReaders(responseTimeout))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  server.on('error', (error) => logger.error('probe server failed', { error }))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function serve(endpoints: ReadonlyMap<string, Endpoint>, request: IncomingMessage, response: ServerResponse): void {
  const [path = ''] = (request.url ?? '').split('?', 1)
  const endpoint = endpoints.get(path)
  if (endpoint === undefined) refuse(request, response, 404, 'not found')
  else if (request.method !== 'GET' && request.method !== 'HEAD') {
    refuse(request, response, 405, 'use GET', { allow: 'GET, HEAD' })
  } else endpoint(response)
}

function answerReadiness(response: ServerResponse, { ok, checks }: Readiness): void {
  const lines = checks.map(({ name, reason }) => (reason === undefined ? `${name}: ok` : `${name}: ${reason}`))
  answerText(response, ok ? 200 : 503, [...lines, ok ? 'ready' : 'not ready'].join('\n'))
}
