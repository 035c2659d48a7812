import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { loadConfig } from '../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../src/kube/client/http-client.ts'
import { resources } from '../src/kube/client/resource.ts'
import { servingName } from '../test/builders/serving-certificate.ts'
import { operatorNamespace } from '../test/chart/helm.ts'
import { startControlPlane } from '../tools/cluster/control-plane.ts'
import { freePorts } from '../tools/cluster/ports.ts'
import { waitFor } from '../tools/cluster/wait.ts'
import { builtBundle } from './built-bundle.ts'
import { type Figures, type Findings, medianOf, type Options, progress } from './measurement.ts'
import { publishKeys } from './published-keys.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'
import { withServingCertificate } from './serving-certificate.ts'
import { load } from './wrk.ts'

export const name = 'jwks'
export const describe =
  'JWK Set over TLS by one authority, beside bare Node servers of the same bytes (--identities 1000 --seconds 5 --rounds 3 --connections 16)'

interface Target {
  readonly server: ServerProcess
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The whole set, gzipped, of the shipped `signet authority`; an unchanged copy confirmed by its ETag; and, where it
 * is served, the set of one identity. Bare servers answer as many bytes. All in turns; the median of the rounds counts.
 */
export async function run(options: Options): Promise<Findings> {
  const { identities = 1000, seconds = 5, rounds = 3, connections = 16 } = options
  const plane = await startControlPlane()
  const servers: ServerProcess[] = []
  try {
    const client = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
    await client.apply(resources.namespaces, { metadata: { name: operatorNamespace } }, { fieldManager: 'bench' })
    await publishKeys(client, identities)
    await client.close()
    return await withServingCertificate(async (directory) => {
      const ca = await readFile(join(directory, 'ca.crt'))
      const start = async (parameters: readonly string[], announcement: RegExp): Promise<ServerProcess> => {
        const server = await startServerProcess({ parameters, announcement })
        servers.push(server)
        return server
      }
      const [port = 0] = await freePorts(1)
      const ports = [`--port=${port}`, '--metrics-port=0', '--probe-port=0', `--kubeconfig=${plane.kubeconfig}`]
      const command = [await builtBundle(), 'authority', ...ports, `--certificate-directory=${directory}`]
      // It tells that it has started, not which port it was given.
      const authority = { ...(await start(command, /"message":"started"()/)), port }
      const bare = (bytes: number): Promise<ServerProcess> =>
        start([new URL('servers/bare.ts', import.meta.url).pathname, directory, String(bytes)], /listening (\d+)\n/)
      const gzip = { 'accept-encoding': 'gzip' }
      await waitFor({
        what: 'the authority to publish all keys',
        limitMs: 60_000,
        until: async () => {
          const { status, body } = await get(authority, '/jwks.json', ca)
          return status === 200 && (JSON.parse(body.toString()) as { keys: unknown[] }).keys.length === identities
        },
      })
      const plain = await get(authority, '/jwks.json', ca)
      const set = await get(authority, '/jwks.json', ca, gzip)
      const one = await get(authority, '/ns/bench/sa/service-0/jwks.json', ca)
      const targets = new Map<string, Target>([
        ['jwks', { server: authority, path: '/jwks.json', headers: gzip }],
        ['bare', { server: await bare(set.body.length), path: '/', headers: gzip }],
        ['notModified', { server: authority, path: '/jwks.json', headers: { ...gzip, 'if-none-match': set.etag } }],
        ['bareEmpty', { server: await bare(1), path: '/', headers: gzip }],
      ])
      if (one.status === 200) {
        const path = '/ns/bench/sa/service-0/jwks.json'
        targets.set('identityLevel', { server: authority, path, headers: {} })
        targets.set('bareIdentity', { server: await bare(one.body.length), path: '/', headers: {} })
      }
      const found = new Map<string, Figures[]>([...targets.keys()].map((key) => [key, []]))
      for (const target of targets.values()) await drive(target, connections, 1)
      for (let round = 1; round <= rounds; round += 1) {
        progress(`round ${round} of ${rounds}`)
        for (const [key, target] of targets) found.get(key)?.push(await drive(target, connections, seconds))
      }
      const { jwks = {}, ...peers } = Object.fromEntries([...found].map(([key, list]) => [key, medianOf(list)]))
      const sizes = { identities, plainBytes: plain.body.length, gzipBytes: set.body.length }
      const identityBytes = one.status === 200 ? { identityBytes: one.body.length } : {}
      return { ...sizes, ...identityBytes, ...jwks, authorityMb: await authority.residentMb(), ...peers }
    })
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    await plane.stop()
  }
}

async function drive({ server, path, headers }: Target, connections: number, seconds: number): Promise<Figures> {
  const before = await server.cpuSeconds()
  const figures = await load({ url: `https://127.0.0.1:${server.port}${path}`, connections, seconds, headers })
  const { requests = Number.NaN, ...rest } = figures
  return { ...rest, cpuUsPerRequest: (((await server.cpuSeconds()) - before) / requests) * 1e6 }
}

function get(
  { port }: ServerProcess,
  path: string,
  ca: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: Buffer; etag: string }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, headers, ca, servername: servingName }
    const outgoing = request({ ...options, agent: new Agent({ keepAlive: false }) }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(parts),
          etag: response.headers.etag ?? '',
        }),
      )
      response.on('error', reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
