import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Agent, request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls'
import { silentLogger } from '../../src/logger.ts'
import {
  type ServerLimits,
  startTlsServer,
  type TlsServer,
  type TlsServerOptions,
} from '../../src/server/tls-server.ts'
import { SecretFolder, ServingAuthority, servingName } from './serving-certificate.ts'

/** One CA for all servers of a test file: making one takes a moment. */
export const authority = await ServingAuthority.create()

/** Limits short enough to be waited for, and long enough for good peers on a machine that is very slow. */
export const shortLimits: Partial<ServerLimits> = {
  headersTimeout: 1_000,
  requestTimeout: 1_500,
  handshakeTimeout: 1_500,
  checkInterval: 50,
  certificateInterval: 20,
}

export interface RunningServer extends TlsServer {
  readonly folder: SecretFolder
  stop(): Promise<void>
}

/** A server on the loopback that has its certificate, answers `ok` and looks at its files every 20 ms. */
export async function startServer({
  limits,
  folder,
  ...options
}: Partial<TlsServerOptions> & { folder?: SecretFolder } = {}): Promise<RunningServer> {
  const files = folder ?? (await SecretFolder.create())
  if (folder === undefined) await files.write(await authority.issue())
  const server = await startTlsServer({
    port: 0,
    host: '127.0.0.1',
    certificateDirectory: files.path,
    handler: answerOk,
    logger: silentLogger,
    limits: { certificateInterval: 20, ...limits },
    ...options,
  }).catch(async (error: unknown) => {
    await files.remove()
    throw error
  })
  return {
    ...server,
    folder: files,
    stop: async () => {
      await server.close()
      await files.remove()
    },
  }
}

/** Reads the whole request and answers with the length of its body. */
export function answerOk(request: IncomingMessage, response: ServerResponse): void {
  let length = 0
  request.on('data', (part: Buffer) => (length += part.length))
  request.on('end', () => response.end(`ok ${length}`))
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Of the certificate that the server showed on this connection. */
  readonly serialNumber: string | undefined
}

export interface Call {
  readonly port: number
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: string | Buffer
  /** Without one each call has a connection of its own. */
  readonly agent?: Agent
}

/** One request, verified against the CA and the Service's name, as the API server sends it. */
export function call({ port, method = 'POST', path = '/', headers = {}, body, agent }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port, servername: servingName, ca: authority.ca }
    const outgoing = request({ ...target, method, path, headers, agent: agent ?? false }, (response) => {
      const { socket } = response
      const serialNumber = socket instanceof TLSSocket ? socket.getPeerCertificate().serialNumber : undefined
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, serialNumber }),
      )
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** What came of a connection: all that was received, and the error that ended it, if one did. */
export interface Ending {
  readonly received: string
  readonly error?: NodeJS.ErrnoException
  /** From the connection to its end, in milliseconds. */
  readonly afterMs: number
}

/** Resolves when the peer has ended the connection. */
export function ending(socket: Socket): Promise<Ending> {
  const began = performance.now()
  let received = ''
  let error: NodeJS.ErrnoException | undefined
  socket.on('data', (part: Buffer) => (received += part.toString('latin1')))
  socket.on('error', (cause) => (error = cause))
  return new Promise((resolve) => {
    socket.once('close', () =>
      resolve({ received, afterMs: performance.now() - began, ...(error === undefined ? {} : { error }) }),
    )
  })
}

/** A TCP connection with nothing on it. */
export function openTcp(port: number): Socket {
  return connect({ port, host: '127.0.0.1' })
}

/** A TLS connection with nothing on it yet, verified like a call. */
export function openTls(port: number, options: ConnectionOptions = {}): TLSSocket {
  return connectTls({ port, host: '127.0.0.1', servername: servingName, ca: authority.ca, ...options })
}
