import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import type { TokenRevocation } from '../../../../src/api/v1alpha1/types.ts'
import { publicKeysName } from '../../../../src/identity/workload.ts'
import { serializeJwks } from '../../../../src/keys/jwks.ts'
import { generateSigningKey } from '../../../../src/keys/signing-key.ts'
import type { KubeObject } from '../../../../src/kube/client/object.ts'
import type { ConfigMap } from '../../../../src/kube/keys/config-map-public-key-store.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { type Secret, secretValue } from '../../../../src/kube/secrets/secret-codec.ts'
import { encodeKeyRing } from '../../../../src/keys/key-ring/codec.ts'
import { eventually } from '../../../builders/eventually.ts'
import { SecretFolder } from '../../../builders/serving-certificate.ts'
import { freePorts } from '../../../../tools/cluster/ports.ts'
import { temporaryFile } from '../../../fakes/api-server-fixture.ts'
import { issuingKeysRef, issuingRingRef } from '../../../builders/issuing-keys-controller.ts'
import { authorityRing, authoritySlot } from '../../../builders/authority-ring.ts'
import { type FakeApiServer, startFakeApiServer } from '../../../fakes/api-server.ts'
import { authority, call } from '../../../builders/running-server.ts'

const main = fileURLToPath(new URL('../../../../src/cli/main.ts', import.meta.url))
const issuer = 'https://issuer.example/signet'

/** `signet authority` as a process of its own, against an API server. */
async function startAuthority(fake: FakeApiServer) {
  const folder = await SecretFolder.create()
  await folder.write(await authority.issue())
  const { server, ca = '', serverName, token } = fake.config
  const kubeconfig = {
    clusters: [
      { name: 'c', cluster: { server, 'certificate-authority-data': btoa(ca), 'tls-server-name': serverName } },
    ],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }
  const [port = 0, probePort = 0, metricsPort = 0] = await freePorts(3)
  const flags = {
    port,
    'probe-port': probePort,
    'metrics-port': metricsPort,
    'certificate-directory': folder.path,
    'log-level': 'error',
    issuer,
    kubeconfig: await temporaryFile(JSON.stringify(kubeconfig)),
  }
  const parameters = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  const child = spawn(process.execPath, [main, 'authority', ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] })
  const errors: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) =>
    errors.push((JSON.parse(line) as { message: string }).message),
  )
  const ended = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    await folder.remove()
  })
  const get = (path: string) => call({ port, path, method: 'GET' })
  return {
    get,
    /** The messages of its log. */
    errors,
    kids: async (path: string) =>
      (JSON.parse((await get(path)).body) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid),
    metrics: async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    ready: async () => {
      const response = await fetch(`http://127.0.0.1:${probePort}/readyz`, { headers: { connection: 'close' } })
      return { status: response.status, text: await response.text() }
    },
  }
}

it(
  'I1: is not ready and serves nothing until every key set and revocation is there, and then follows in every scope',
  { timeout: 240_000 },
  async () => {
    const fake = await startFakeApiServer()
    onTestFinished(() => fake.stop())
    const publish = async (name: string) => {
      const identity = { namespace: 'shop', name }
      const { publicJwk } = await generateSigningKey('ES256', `spiffe://cluster.local/ns/shop/sa/${name}`)
      const labels = { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'public-keys' }
      return fake.put<ConfigMap>(resources.configMaps, {
        metadata: { name: publicKeysName(identity), namespace: 'signet-system', labels },
        data: { 'jwks.json': serializeJwks([publicJwk]) },
      })
    }
    const kidOf = ({ data }: ConfigMap) =>
      (JSON.parse(data?.['jwks.json'] ?? '') as { keys: { kid: string }[] }).keys[0]?.kid ?? ''
    const orders = await publish('orders')
    const payments = await publish('payments')
    // The list breaks off in the middle: one identity of two has been told.
    const half = `${JSON.stringify({ type: 'ADDED', object: orders })}\n`
    const heal = fake.intercept(({ verb }) => (verb === 'watch' ? { raw: half, then: 'reset' } : { status: 500 }))
    const running = await startAuthority(fake)
    await eventually(async () => expect((await running.get('/signet/jwks.json')).status).toBe(503), 60_000)
    await eventually(() => expect(fake.requests.some(({ verb }) => verb === 'watch')).toBe(true))
    const early = [
      '/jwks.json',
      '/bundle.json',
      '/ns/shop/jwks.json',
      '/ns/shop/sa/orders/jwks.json',
      '/ns/none/jwks.json',
      '/revocations',
    ]
    for (const path of early) expect((await running.get(`/signet${path}`)).status).toBe(503)
    expect(await running.ready()).toMatchObject({
      status: 503,
      text: expect.stringContaining('public-keys: public keys have not been read yet') as string,
    })
    expect((await running.ready()).text).toContain('revocations: revocations have not been read yet')

    heal()
    await eventually(async () => expect((await running.ready()).status).toBe(200), 60_000)
    const both = [kidOf(orders), kidOf(payments)].sort()
    expect(await running.kids('/signet/jwks.json')).toEqual(both)
    expect(await running.kids('/signet/ns/shop/jwks.json')).toEqual(both)
    expect(await running.kids('/signet/ns/shop/sa/orders/jwks.json')).toEqual([kidOf(orders)])
    expect((await running.get('/signet/ns/none/jwks.json')).status).toBe(404)
    const discovery = await running.get('/.well-known/oauth-authorization-server/signet/ns/shop')
    expect(JSON.parse(discovery.body)).toMatchObject({ issuer: `${issuer}/ns/shop` })

    const ledger = await publish('ledger')
    await eventually(async () => {
      expect(await running.kids('/signet/ns/shop/sa/ledger/jwks.json')).toEqual([kidOf(ledger)])
    })
    expect(JSON.parse((await running.get('/signet/revocations')).body)).toEqual({ issuer, revocations: [] })
    fake.put<TokenRevocation & KubeObject>(resources.tokenRevocations, {
      apiVersion: 'signet.dev/v1alpha1',
      kind: 'TokenRevocation',
      metadata: { name: 'leak', namespace: 'shop' },
      spec: { identity: 'orders', tokenID: 'token-1' },
    })
    const sub = 'spiffe://cluster.local/ns/shop/sa/orders'
    await eventually(async () => {
      const { body } = await running.get('/signet/ns/shop/sa/orders/revocations')
      expect(JSON.parse(body)).toMatchObject({ revocations: [{ sub, jti: 'token-1' }] })
    })
    const bundle = JSON.parse((await running.get('/signet/bundle.json')).body) as Record<string, unknown>
    expect(bundle).toMatchObject({ spiffe_sequence: Number(ledger.metadata.resourceVersion), spiffe_refresh_hint: 300 })
    expect(await running.kids('/signet/bundle.json')).toHaveLength(3)
  },
)

it(
  'I1: waits for its own key to be served before it is ready, and serves on when its ring is damaged',
  { timeout: 240_000 },
  async () => {
    const fake = await startFakeApiServer()
    onTestFinished(() => fake.stop())
    const slot = await authoritySlot()
    const ring = await authorityRing([slot])
    const put = (text: string) =>
      fake.put<Secret>(resources.secrets, { metadata: issuingRingRef, data: { 'ring.json': secretValue(text) } })
    put(encodeKeyRing(ring))
    const running = await startAuthority(fake)
    await eventually(async () => expect((await running.get('/signet/jwks.json')).status).toBe(200), 60_000)
    // What is published and what it may issue with are read side by side.
    await eventually(async () =>
      expect(await running.ready()).toMatchObject({
        status: 503,
        text: expect.stringContaining('issuing-keys: the issuing key is not served yet') as string,
      }),
    )
    expect(await running.metrics()).toContain('\nsignet_issuing 0\n')

    fake.put<ConfigMap>(resources.configMaps, {
      metadata: {
        ...issuingKeysRef,
        labels: { 'app.kubernetes.io/managed-by': 'signet', 'signet.dev/component': 'public-keys' },
      },
      data: { 'jwks.json': serializeJwks([slot.publicJwk]) },
    })
    await eventually(async () => expect((await running.ready()).status).toBe(200), 60_000)
    expect(await running.kids('/signet/jwks.json')).toEqual([slot.keyID])
    await eventually(async () => expect(await running.metrics()).toContain('\nsignet_issuing 1\n'))

    // The damage is reported again only because the ring was gone in between.
    for (const times of [1, 2]) {
      put('damaged')
      const reports = () => running.errors.filter((message) => message === 'cannot use the issuing key ring')
      await eventually(() => expect(reports()).toHaveLength(times))
      expect((await running.ready()).status).toBe(200)
      expect(await running.metrics()).toContain('\nsignet_issuing 1\n')
      expect(await running.kids('/signet/jwks.json')).toEqual([slot.keyID])
      fake.remove(resources.secrets, issuingRingRef)
    }
  },
)
