import { Agent, createServer, request as forward } from 'node:https'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, type Socket } from 'node:net'
import { createCertificateAuthority, issueServingCertificate } from '../../src/certificates/issue.ts'
import { HOUR } from '../../src/time/duration.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'

/** A request on its way from the controller to the API server. */
export interface ProxiedRequest {
  readonly verb: 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'
  /** `secrets`, `leases` … */
  readonly resource: string
  readonly path: string
  /** A list, or a watch that begins with one. */
  readonly lists: boolean
  /** Monotonic, in milliseconds. */
  readonly at: number
  /** What the controller was answered; 0 until then, and where it never was. */
  status: number
}

/**
 * How a request fares. `afterCommit`: it reaches the API server, which does it, and then the answer is lost. `hold`: it
 * is on its way until then.
 */
export type Fault =
  | { readonly status: number; readonly reason: string; readonly retryAfter?: number }
  | { readonly afterCommit: 'reset' | 'hang' | 'error'; readonly then?: () => void }
  | { readonly hold: Promise<unknown> }
  | 'reset'
  | 'hang'

/** A watch that is open, and what may befall it. */
export interface ProxiedWatch {
  readonly resource: string
  readonly at: number
  /** From now on nothing comes through, and nothing is closed: half-open. */
  mute(): void
  /** Half a line comes through, then nothing more. */
  stall(): void
  /** Half a line comes through, then the end. */
  cut(): void
}

const verbs: Readonly<Record<string, ProxiedRequest['verb']>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}
const halfALine = '{"type":"MODIFIED","object":{"metadata":{"name":"hal'

/**
 * Stands between a controller and the API server and lets happen what networks, proxies and servers do. It speaks to
 * the API server as the user of the kubeconfig it is given; its own kubeconfig needs no credentials.
 */
export class FaultProxy {
  readonly requests: ProxiedRequest[] = []
  readonly watches = new Set<ProxiedWatch>()
  readonly kubeconfig: string
  /** Asked before each request; undefined lets it pass. */
  fault: (request: ProxiedRequest) => Fault | undefined = () => undefined
  /** Milliseconds by which the Date of every answer is ahead. */
  dateAhead = 0
  readonly #close: () => Promise<void>

  private constructor(kubeconfig: string, close: () => Promise<void>) {
    this.kubeconfig = kubeconfig
    this.#close = close
  }

  static async start(kubeconfig: string, file: string): Promise<FaultProxy> {
    const { server: upstream, authenticate } = await loadConfig({ kubeconfig })
    const { ca = '', cert = '', key = '' } = (await authenticate?.()) ?? {}
    const agent = new Agent({ ca, cert, key, keepAlive: true, maxSockets: 256 })
    const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + 24 * HOUR }
    const authority = await createCertificateAuthority({
      commonName: 'faults',
      trustDomain: 'faults.test',
      ...validity,
    })
    const leaf = await issueServingCertificate({ ca: authority, dnsNames: ['localhost'], ...validity })
    const server = createServer({ cert: leaf.certificatePem, key: leaf.privateKeyPem })
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    })
    server.on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    await writeFile(file, kubeconfigOf(url, authority.certificatePem))
    const proxy = new FaultProxy(file, async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      agent.destroy()
      await closed
    })
    server.on('request', (incoming, response) => proxy.#serve(incoming, response, upstream, agent))
    return proxy
  }

  close(): Promise<void> {
    return this.#close()
  }

  #serve(incoming: IncomingMessage, response: ServerResponse, upstream: string, agent: Agent): void {
    const seen = requestOf(incoming)
    this.requests.push(seen)
    incoming.on('error', () => undefined)
    response.on('error', () => undefined)
    const fault = this.fault(seen)
    if (fault === 'hang') return
    if (fault === 'reset') {
      incoming.socket.destroy()
      return
    }
    if (fault !== undefined && 'status' in fault) {
      seen.status = fault.status
      refuse(response, fault, this.dateAhead)
      return
    }
    const { authorization: _ours, host: _host, ...headers } = incoming.headers
    const call = forward(upstream + (incoming.url ?? ''), { agent, method: incoming.method ?? 'GET', headers })
    call.on('error', () => incoming.socket.destroy())
    const held = fault !== undefined && 'hold' in fault
    // A client that has left must not keep the API server's watch open; what the network holds arrives all the same.
    if (!held) response.on('close', () => call.destroy())
    call.on('response', (answer) => {
      answer.on('error', () => incoming.socket.destroy())
      if (fault !== undefined && 'afterCommit' in fault) lose(fault, answer, incoming, response)
      else this.#pass(seen, answer, response)
    })
    const body: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => body.push(chunk))
    incoming.on('end', () => {
      const send = () => call.end(Buffer.concat(body))
      if (held) void fault.hold.then(send)
      else send()
    })
  }

  #pass(seen: ProxiedRequest, answer: IncomingMessage, response: ServerResponse): void {
    seen.status = answer.statusCode ?? 0
    const date = new Date(Date.parse(answer.headers.date ?? '') + this.dateAhead).toUTCString()
    response.writeHead(seen.status, { ...answer.headers, ...(this.dateAhead === 0 ? {} : { date }) })
    response.flushHeaders()
    if (seen.verb !== 'watch') {
      answer.pipe(response)
      return
    }
    let muted = false
    const mute = () => {
      muted = true
    }
    const half = () => {
      mute()
      response.write(halfALine)
    }
    const watch: ProxiedWatch = {
      resource: seen.resource,
      at: seen.at,
      mute,
      stall: half,
      cut: () => {
        half()
        response.end()
      },
    }
    this.watches.add(watch)
    response.on('close', () => this.watches.delete(watch))
    answer.on('data', (chunk: Buffer) => {
      if (!muted) response.write(chunk)
    })
    answer.on('end', () => {
      if (!muted) response.end()
    })
  }
}

function requestOf({ method = 'GET', url = '' }: IncomingMessage): ProxiedRequest {
  const { pathname, searchParams } = new URL(url, 'https://localhost')
  const parts = pathname.split('/').slice(pathname.startsWith('/apis/') ? 4 : 3)
  if (parts[0] === 'namespaces' && parts.length > 2) parts.splice(0, 2)
  const reading = searchParams.get('watch') === 'true' ? 'watch' : parts[1] === undefined ? 'list' : 'get'
  const verb = verbs[method] ?? reading
  const lists = verb === 'list' || searchParams.has('sendInitialEvents')
  return { verb, resource: parts[0] ?? '', path: pathname, lists, at: performance.now(), status: 0 }
}

function refuse(response: ServerResponse, fault: Extract<Fault, { status: number }>, dateAhead: number): void {
  const { status, reason, retryAfter } = fault
  const headers = {
    'content-type': 'application/json',
    date: new Date(Date.now() + dateAhead).toUTCString(),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  }
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code: status }
  response.writeHead(status, headers).end(JSON.stringify(body))
}

function lose(
  { afterCommit, then }: Extract<Fault, { afterCommit: string }>,
  answer: IncomingMessage,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  answer.resume()
  answer.on('end', () => {
    if (afterCommit === 'reset') incoming.socket.destroy()
    if (afterCommit === 'error') refuse(response, { status: 500, reason: 'InternalError' }, 0)
    then?.()
  })
}

function kubeconfigOf(server: string, ca: string): string {
  const cluster = { server, 'tls-server-name': 'localhost', 'certificate-authority-data': btoa(ca) }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'faults', cluster }],
    users: [{ name: 'controller', user: { token: 'of-no-use' } }],
    contexts: [{ name: 'faults', context: { cluster: 'faults', user: 'controller' } }],
    'current-context': 'faults',
  })
}
