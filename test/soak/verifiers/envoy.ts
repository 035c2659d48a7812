import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { goneError, startDaemon, stopDaemon } from '../../../tools/cluster/daemon.ts'
import { freePorts } from '../../../tools/cluster/ports.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'
import { verdictLimitMs, type Verifier } from './verifier.ts'
import type { Verdict } from './verdicts.ts'

export interface EnvoyOptions {
  readonly command: string
  readonly directory: string
  readonly issuer: string
  readonly audience: string
  readonly caFile: string
  /** How long it keeps a copy of the JWK Set; it fetches the next one only when it is asked after that. */
  readonly maxAgeSeconds: number
}

const subjectHeader = 'x-subject'

/** Envoy with the jwt_authn filter before a route that answers with the subject. */
export async function startEnvoy(options: EnvoyOptions): Promise<Verifier> {
  const { command, directory } = options
  const [port = 0] = await freePorts(1)
  const file = join(directory, 'envoy.json')
  await writeFile(file, JSON.stringify(configuration(options, port)))
  const daemon = await startDaemon({
    name: 'envoy',
    command,
    args: ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'warning'],
    logFile: join(directory, 'logs/envoy.log'),
    state: directory,
    diesWithParent: true,
  })
  await waitFor({
    what: `Envoy to listen (log: ${daemon.logFile})`,
    limitMs: 30_000,
    everyMs: 50,
    until: async () => (await judge(port, 'none')).kind !== 'failed',
    gaveUp: () => goneError(daemon),
  })
  return {
    name: 'Envoy jwt_authn',
    knowsSubjectOfKey: false,
    judge: (token) => judge(port, token),
    stop: () => stopDaemon(daemon, 5000),
  }
}

function judge(port: number, token: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const fail = (reason: string) => resolve({ kind: 'failed', reason })
    const headers = { authorization: `Bearer ${token}` }
    const options = { host: '127.0.0.1', port, headers, agent: false, timeout: verdictLimitMs }
    const call = request(options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (part: string) => (body += part))
      response.once('error', (error) => fail(error.message))
      response.once('end', () => resolve(verdictOf(response.statusCode ?? 0, response.headers[subjectHeader], body)))
    })
    call.once('timeout', () => call.destroy(new Error(`no answer within ${verdictLimitMs} ms`)))
    call.once('error', (error) => fail(error.message))
    call.end()
  })
}

/** Exported for its test. 401 is also Envoy's answer where it could not fetch the key set. */
export function verdictOf(status: number, subject: string | string[] | undefined, body: string): Verdict {
  if (status === 200 && typeof subject === 'string') return { kind: 'accepted', subject }
  const judged = (status === 401 || status === 403) && !/remote fetch|failed to fetch/i.test(body)
  return { kind: judged ? 'refused' : 'failed', reason: `${status} ${body}` }
}

const typed = (type: string, fields: object) => ({ '@type': `type.googleapis.com/envoy.extensions.${type}`, ...fields })

function configuration({ issuer, audience, caFile, maxAgeSeconds }: EnvoyOptions, port: number) {
  const { hostname, port: issuerPort } = new URL(issuer)
  const endpoint = (address: string, portValue: number) => ({
    address: { socket_address: { address, port_value: portValue } },
  })
  const provider = {
    issuer,
    audiences: [audience],
    require_expiration: true,
    claim_to_headers: [{ header_name: subjectHeader, claim_name: 'sub' }],
    remote_jwks: {
      http_uri: { uri: `${issuer}/jwks.json`, cluster: 'authority', timeout: '5s' },
      cache_duration: `${maxAgeSeconds}s`,
    },
  }
  const jwt = {
    providers: { signet: provider },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'signet' } }],
  }
  const route = {
    match: { prefix: '/' },
    direct_response: { status: 200 },
    response_headers_to_add: [{ header: { key: subjectHeader, value: `%REQ(${subjectHeader})%` } }],
  }
  const manager = {
    stat_prefix: 'soak',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      {
        name: 'jwt',
        typed_config: typed('filters.http.jwt_authn.v3.JwtAuthentication', jwt),
      },
      { name: 'router', typed_config: typed('filters.http.router.v3.Router', {}) },
    ],
  }
  const connectionManager = typed('filters.network.http_connection_manager.v3.HttpConnectionManager', manager)
  const tls = { common_tls_context: { validation_context: { trusted_ca: { filename: caFile } } } }
  const cluster = {
    name: 'authority',
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: 'authority',
      endpoints: [{ lb_endpoints: [{ endpoint: endpoint(hostname, Number(issuerPort)) }] }],
    },
    transport_socket: { name: 'tls', typed_config: typed('transport_sockets.tls.v3.UpstreamTlsContext', tls) },
  }
  const filterChains = [{ filters: [{ name: 'http', typed_config: connectionManager }] }]
  return {
    static_resources: {
      listeners: [{ name: 'soak', ...endpoint('127.0.0.1', port), filter_chains: filterChains }],
      clusters: [cluster],
    },
  }
}
