import { readFile } from 'node:fs/promises'
import { Pool } from 'undici'
import { ensureWorkloadTokens } from '../src/controller/service-identity/workload-tokens.ts'
import { systemClock } from '../src/time/clock.ts'
import { HOUR } from '../src/time/duration.ts'
import { generateSigningKey } from '../src/keys/signing-key.ts'
import type { KeyRing, KeySlot } from '../src/keys/key-ring/key-ring.ts'
import { Kubectl } from '../test/apiserver/kubectl.ts'
import { startControlPlane } from '../tools/cluster/control-plane.ts'
import { type Figures, type Findings, medianOf, type Options, progress } from './measurement.ts'

export const name = 'mint'
export const describe =
  "tokens a second by the controller's own minting path, beside a real API server's TokenRequest (--seconds 5 --rounds 3 --connections 16)"

const audience = 'payments'

/** In turns, so that a busy moment of the machine hits both alike; the median of the rounds counts. */
export async function run(options: Options): Promise<Findings> {
  const { seconds = 5, rounds = 3, connections = 16 } = options
  const plane = await startControlPlane()
  try {
    const kubectl = await Kubectl.of(plane)
    await kubectl.run(['create', 'serviceaccount', 'orders', '--namespace', 'default'])
    const admin = await kubectl.run(['create', 'token', 'orders', '--namespace', 'default', '--duration', '1h'])
    const who = 'system:serviceaccount:default:orders'
    await kubectl.run(['create', 'clusterrolebinding', 'bench', '--clusterrole=cluster-admin', `--user=${who}`])
    const ca = await readFile(plane.caFile, 'utf8')
    const pool = new Pool(plane.url, { connections, pipelining: 1, connect: { ca } })
    const mint = await minter()
    const ours: Figures[] = []
    const theirs: Figures[] = []
    await tokenRequests(pool, admin, connections, 2)
    await mint(2)
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}`)
      ours.push(await mint(seconds))
      theirs.push(await tokenRequests(pool, admin, connections, seconds))
    }
    await pool.close()
    const [figures, peer] = [medianOf(ours), medianOf(theirs)]
    const ratio = (figures.tokensPerSecond ?? Number.NaN) / (peer.tokensPerSecond ?? Number.NaN)
    return { ...figures, ratioToTokenRequest: ratio, TokenRequest: peer }
  } finally {
    await plane.stop()
  }
}

/** One identity after another: sign with ES256, then verify the own output, on the one thread of the controller. */
async function minter(): Promise<(seconds: number) => Promise<Figures>> {
  const subject = 'spiffe://cluster.local/ns/default/sa/orders'
  const { keyID, publicJwk, privateJwk } = await generateSigningKey('ES256', subject)
  const now = Date.now()
  const signing: KeySlot = {
    keyID,
    algorithm: 'ES256',
    publicJwk,
    privateJwk,
    state: 'Active',
    publishedAt: now,
    activeAt: now,
    longestUse: HOUR,
  }
  const ring: KeyRing = { uid: 'bench', subject, slots: [signing] }
  const context = { issuer: 'https://signet-authority.signet-system.svc', subject, ring, signing }
  const wanted = [{ name: 'default', audience, lifetime: HOUR, profile: 'JWT-SVID', claims: {} }] as const
  return async (seconds) => {
    const until = performance.now() + seconds * 1000
    const cpu = process.cpuUsage()
    let tokens = 0
    for (; performance.now() < until; tokens += 1) await ensureWorkloadTokens(wanted, undefined, context, systemClock)
    const { user, system } = process.cpuUsage(cpu)
    return { tokensPerSecond: tokens / seconds, cpuUsPerToken: (user + system) / tokens }
  }
}

async function tokenRequests(pool: Pool, bearer: string, connections: number, seconds: number): Promise<Figures> {
  const body = JSON.stringify({
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [audience], expirationSeconds: 3600 },
  })
  const until = performance.now() + seconds * 1000
  let tokens = 0
  const ask = async (): Promise<void> => {
    for (; performance.now() < until; tokens += 1) {
      const answer = await pool.request({
        path: '/api/v1/namespaces/default/serviceaccounts/orders/token',
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
        body,
      })
      const text = await answer.body.text()
      if (answer.statusCode !== 201)
        throw new Error(`TokenRequest answered ${answer.statusCode}: ${text.slice(0, 200)}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, ask))
  return { tokensPerSecond: tokens / seconds }
}
