import { createServer, type ServerOptions } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { KubeConfiguration } from '../../src/kube/client/kubeconfig.ts'
import type { KubeObject, ObjectRef } from '../../src/kube/client/object.ts'
import type { Resource } from '../../src/kube/client/resource.ts'
import { createCertificateAuthority, issueServingCertificate } from '../../src/certificates/issue.ts'
import { answer, type FakeRequest, parsePath } from './api-server-answer.ts'
import { Refusal, Storage } from './api-server-storage.ts'
import { serveWatch } from './api-server-watch.ts'

/** How one request fares instead of being answered; `reset` tears the connection down, `hang` never answers. */
export type Fault =
  | { readonly status: number; readonly reason?: string; readonly message?: string; readonly retryAfter?: string }
  | { readonly raw: string; readonly then: 'end' | 'reset' | 'hang' }
  | { readonly delayMs: number }
  | 'reset'
  | 'hang'

/** A watch that is open, and what may befall it. */
export interface OpenWatch {
  readonly request: FakeRequest
  /** Sends these bytes as they are. */
  send(raw: string): void
  error(code: number, reason: string): void
  end(): void
  reset(): void
  /** From now on nothing more is sent, and nothing closed: a half-open connection. */
  mute(): void
}

export interface FakeApiServer {
  readonly url: string
  readonly config: KubeConfiguration
  readonly storage: Storage
  /** All requests, oldest first. */
  readonly requests: FakeRequest[]
  readonly watches: ReadonlySet<OpenWatch>
  /** Settings that tests change. */
  bookmarkMs: number
  streamingLists: boolean
  /** Bearer tokens let in; undefined lets in everybody. */
  tokens: Set<string> | undefined
  /** TLS connections ever made and open now. */
  readonly connections: { made: number; open: number }
  objects<T extends KubeObject>(resource: Resource): T[]
  /** Creates or replaces an object, as somebody else would. */
  put<T extends KubeObject>(resource: Resource, object: T): T
  remove(resource: Resource, ref: ObjectRef): void
  /** Asked before each request is answered; the first fault wins. Returns what ends it. */
  intercept(decide: (request: FakeRequest) => Fault | undefined): () => void
  /** From now on a certificate of a new authority; returns that authority's PEM. Open connections stay. */
  rotateCertificates(): Promise<string>
  stop(): Promise<void>
}

/** An API server in this process: HTTPS, real connections, faults on demand. */
export async function startFakeApiServer(): Promise<FakeApiServer> {
  const storage = new Storage()
  const requests: FakeRequest[] = []
  const watches = new Set<OpenWatch>()
  const sockets = new Set<Socket>()
  const connections = { made: 0, open: 0 }
  const interceptors = new Set<(request: FakeRequest) => Fault | undefined>()
  const first = await certificates()
  // Idle connections are kept as long as a real one keeps them: tests count those that are open.
  const server = createServer({ ...first.tls, keepAliveTimeout: 90_000 }, (incoming, response) => {
    void serve(incoming, response)
  })
  const raw = new Map<number | undefined, Socket>()
  server.on('connection', (socket: Socket) => {
    const { remotePort } = socket
    raw.set(remotePort, socket)
    socket.on('close', () => raw.delete(remotePort))
  })
  /** A TCP reset, without the farewell of TLS. */
  const reset = ({ socket }: ServerResponse) => raw.get(socket?.remotePort)?.resetAndDestroy()
  server.on('secureConnection', (socket: Socket) => {
    connections.made++
    connections.open++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      connections.open--
      sockets.delete(socket)
    })
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`

  const fake: FakeApiServer = {
    url,
    config: { server: url, ca: first.ca, serverName: 'localhost', token: 'test' },
    storage,
    requests,
    watches,
    connections,
    // As seldom as a real one sends them: none comes between what a test does and what it sees of that.
    bookmarkMs: 60_000,
    streamingLists: true,
    tokens: undefined,
    objects: <T extends KubeObject>({ plural }: Resource) => storage.list(plural) as T[],
    put: (resource, object) => {
      const known = storage
        .list(resource.plural, { namespace: object.metadata.namespace })
        .some(({ metadata }) => metadata.name === object.metadata.name)
      const given = structuredClone(object)
      delete given.metadata.resourceVersion
      const write = known ? 'replace' : 'create'
      return storage[write](resource.plural, given, 'somebody-else') as typeof object
    },
    remove: (resource, ref) => storage.delete(resource.plural, ref),
    intercept: (decide) => {
      interceptors.add(decide)
      return () => void interceptors.delete(decide)
    },
    rotateCertificates: async () => {
      const { tls, ca } = await certificates()
      server.setSecureContext(tls)
      return ca
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of [...sockets, ...raw.values()]) socket.destroy()
      await closed
    },
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming).catch(() => undefined)
    // It broke off: there is nobody to answer.
    if (request === undefined) return
    requests.push(request)
    const { fault } = [...interceptors].map((decide) => ({ fault: decide(request) })).find(({ fault }) => fault) ?? {}
    if (await suffer(fault, request, response)) return
    try {
      if (fake.tokens !== undefined && !fake.tokens.has(request.token ?? '')) {
        throw new Refusal(401, 'Unauthorized', 'Unauthorized')
      }
      if (request.query.watch === 'true') watch(request, response)
      else send(response, request.method === 'POST' ? 201 : 200, answer(storage, request))
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error))
      send(response, refusal.status, refusal.body)
    }
    request.status = response.statusCode
  }

  async function suffer(fault: Fault | undefined, request: FakeRequest, response: ServerResponse): Promise<boolean> {
    if (fault === undefined) return false
    if (fault === 'hang') return true
    if (fault === 'reset') reset(response)
    else if ('delayMs' in fault) {
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs))
      return response.destroyed
    } else if ('raw' in fault) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write(fault.raw)
      request.status = 200
      if (fault.then === 'end') response.end()
      if (fault.then === 'reset') setImmediate(reset, response)
    } else {
      const { status, reason = 'Fault', message = 'as the test wants it', retryAfter } = fault
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
      request.status = status
      send(response, status, new Refusal(status, reason, message).body)
    }
    return true
  }

  function watch(request: FakeRequest, response: ServerResponse): void {
    const { query, selection, collection, render } = request
    if (query.sendInitialEvents === 'true' && !fake.streamingLists) {
      throw new Refusal(
        422,
        'Invalid',
        'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
      )
    }
    let muted = false
    const write = (raw: string) => {
      if (!muted && !response.writableEnded) response.write(raw)
    }
    const open: OpenWatch = {
      request,
      send: write,
      error: (code, reason) =>
        write(`${JSON.stringify({ type: 'ERROR', object: new Refusal(code, reason, 'as the test wants it').body })}\n`),
      end: () => {
        response.end()
      },
      reset: () => reset(response),
      mute: () => {
        muted = true
      },
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    watches.add(open)
    const stop = serveWatch(storage, {
      ...selection,
      collection,
      render,
      resourceVersion: query.resourceVersion,
      sendInitialEvents: query.sendInitialEvents === 'true',
      bookmarks: query.allowWatchBookmarks === 'true',
      bookmarkMs: fake.bookmarkMs,
      timeoutMs: Number(query.timeoutSeconds ?? 1800) * 1000,
      send: (event) => write(`${JSON.stringify(event)}\n`),
      end: () => {
        if (!muted) response.end()
      },
    })
    response.on('close', () => {
      stop()
      watches.delete(open)
    })
  }
  return fake
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function read(incoming: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  return parsePath(incoming.method ?? 'GET', incoming.url ?? '/', incoming.headers, text)
}

async function certificates(): Promise<{ ca: string; tls: ServerOptions }> {
  const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 86_400_000 }
  const authority = await createCertificateAuthority({ commonName: 'fake', trustDomain: 'fake.test', ...validity })
  const leaf = await issueServingCertificate({ ca: authority, dnsNames: ['localhost'], ...validity })
  return { ca: authority.certificatePem, tls: { cert: leaf.certificatePem, key: leaf.privateKeyPem } }
}
