import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { openidConfiguration } from '../../src/authority/documents/discovery.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import type { Revocation } from '../../src/tokens/revocation.ts'
import { ServingAuthority } from '../builders/serving-certificate.ts'

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

export interface SeenRequest {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** As it was sent, or 200 as long as nothing was. */
  readonly status: number
}

/** A CA for all fake authorities of a test file. */
export const trust = await ServingAuthority.create()

/** An authority over real HTTPS whose keys and revocations a test sets, and whose answers it may replace. */
export class FakeAuthority {
  readonly issuer: string
  keys: readonly PublicJwk[] = []
  revocations: readonly Revocation[] = []
  /** By path, in place of what would be answered. */
  readonly instead = new Map<string, Handler>()
  readonly seen: SeenRequest[] = []
  readonly ca = trust.ca
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.issuer = `https://localhost:${(server.address() as AddressInfo).port}`
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#receive(request, response))
  }

  static async start(): Promise<FakeAuthority> {
    const files = await trust.issue({ dnsNames: ['localhost'] })
    const server = createServer({ cert: files['tls.crt'], key: files['tls.key'], keepAliveTimeout: 60_000 })
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
    return new FakeAuthority(server)
  }

  /** Presents another certificate to connections to come. */
  serve(files: Readonly<Record<'tls.crt' | 'tls.key', string>>): void {
    this.#server.setSecureContext({ cert: files['tls.crt'], key: files['tls.key'] })
  }

  count(path: string): number {
    return this.seen.filter((request) => request.path === path).length
  }

  /** Ends the connections that wait for their next request. */
  dropIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** Ends all connections, and with them what clients had sent that is not read yet. */
  drop(): void {
    this.#server.closeAllConnections()
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request).catch(() => undefined)
    // What broke off has nobody to answer.
    if (body !== undefined) this.#answer(request, response, body.toString())
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { url: path = '', headers } = request
    // Noted before it is answered: who has the answer finds it here.
    this.seen.push({
      path,
      headers,
      body,
      get status() {
        return response.statusCode
      },
    })
    const handler = this.instead.get(path)
    const document = this.#document(path)
    if (handler !== undefined) handler(request, response, body)
    else if (document === undefined) response.writeHead(404).end()
    else serve(document, request, response)
  }

  #document(path: string): unknown {
    const { issuer, keys, revocations } = this
    if (path === '/.well-known/openid-configuration') return openidConfiguration(issuer, issuer)
    if (path === '/jwks.json') return { keys }
    return path === '/revocations' ? { issuer, revocations } : undefined
  }
}

/** As the authority does it: a validator for each encoding, compressed where that is accepted. */
function serve(document: unknown, { headers }: IncomingMessage, response: ServerResponse): void {
  const text = JSON.stringify(document)
  const compressed = String(headers['accept-encoding']).includes('gzip')
  const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22)
  const etag = compressed ? `"${digest}-gzip"` : `"${digest}"`
  if (headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
  else if (!compressed) response.writeHead(200, { etag }).end(text)
  else response.writeHead(200, { etag, 'content-encoding': 'gzip' }).end(gzipSync(text))
}
