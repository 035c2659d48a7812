import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namespace as operatorNamespace } from '../../scripts/install.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { issuer, reachOfReplicas, reachOfService } from './authority.ts'
import { TestCluster } from './cluster.ts'
import { container, identity, pod, serviceAccount } from './manifests.ts'
import { OAuthClient } from './oauth.ts'
import { steadily } from './steady.ts'

const namespace = 'e2e-exchange'
const audience = `payments.${namespace}`
const names = ['orders', 'payments', 'stranger']
const subjectOf = (name: string) => `spiffe://cluster.local/ns/${namespace}/sa/${name}`

let test: TestCluster
const open: OAuthClient[] = []

beforeAll(async () => {
  test = await TestCluster.of()
  await test.namespace(namespace)
  await test.apply(...names.map((name) => serviceAccount(name, namespace)))
  await test.apply(identity('orders', namespace), identity('payments', namespace))
  await test.apply(...names.map((name) => withProjectedToken(name)))
  await test.identitiesReady(namespace)
  await test.ready(namespace, ...names)
}, 120_000)

afterAll(async () => {
  await Promise.all(open.map((client) => client.close()))
  await test.leave(namespace)
})

/** A pod into which kubelet projects a token of its account for the authority, and nothing of Signet is injected. */
function withProjectedToken(name: string) {
  const source = { serviceAccountToken: { audience: issuer, path: 'token', expirationSeconds: 600 } }
  const spec = {
    containers: [container('app', { volumeMounts: [{ name: 'proof', mountPath: '/var/run/proof', readOnly: true }] })],
    volumes: [{ name: 'proof', projected: { sources: [source] } }],
  }
  return pod({ name, namespace, labels: {}, spec })
}

const proofOf = (name: string) =>
  test.node(namespace, name, 'process.stdout.write(require("fs").readFileSync("/var/run/proof/token"))')

async function clientOf(name: string, reach = reachOfService(test)): Promise<OAuthClient> {
  const client = await OAuthClient.of(await reach, subjectOf(name), await proofOf(name))
  open.push(client)
  return client
}

async function rollOut(): Promise<void> {
  await test.kubectl('-n', operatorNamespace, 'rollout', 'restart', 'deployment/signet-authority')
  await test.kubectl('-n', operatorNamespace, 'rollout', 'status', 'deployment/signet-authority', '--timeout=120s')
}

/** One for each replica, with the proof of the workload. */
async function clientsOf(name: string): Promise<OAuthClient[]> {
  const reaches = await reachOfReplicas(test)
  return Promise.all(reaches.map((reach) => clientOf(name, Promise.resolve(reach))))
}

describe('a pod with nothing but a projected ServiceAccount token', () => {
  it('exchanges it, and whom the token is for learns by introspection whose it is', async () => {
    const { access_token: token, expires_in: seconds } = await (await clientOf('orders')).exchange(audience)
    expect(seconds).toBeGreaterThan(60)
    for (const payments of await clientsOf('payments')) {
      expect(await payments.introspect(token)).toMatchObject({ active: true, sub: subjectOf('orders'), aud: audience })
    }
    // Whoever it is not meant for learns nothing.
    expect(await (await clientOf('orders')).introspect(token)).toEqual({ active: false })
  })

  it('gets a token by client credentials as well', async () => {
    const { access_token: token } = await (await clientOf('orders')).clientCredentials(audience)
    expect(decodeToken(token).claims).toMatchObject({ iss: issuer, sub: subjectOf('orders'), aud: audience })
  })

  it('gets none where its account has no ServiceIdentity', async () => {
    const stranger = await clientOf('stranger')
    await expect(stranger.exchange(audience)).rejects.toMatchObject({ error: 'invalid_request', status: 400 })
    await expect(stranger.clientCredentials(audience)).rejects.toMatchObject({ status: 401 })
  })

  it('I5: revokes its token on one replica, and within 2 s every other refuses it, after a restart too', async () => {
    const [one] = await clientsOf('orders')
    const token = (await one?.exchange(audience))?.access_token ?? ''
    const payments = await clientsOf('payments')
    expect(payments).toHaveLength(2)
    for (const asking of payments) expect(await asking.introspect(token)).toMatchObject({ active: true })
    await one?.revoke(token)
    const refused = async (clients: OAuthClient[]) =>
      (await Promise.all(clients.map((client) => client.introspect(token)))).every(({ active }) => !active)
    await test.eventually('every replica to refuse the token', () => refused(payments), 2000)
    await rollOut()
    expect(await refused(await clientsOf('payments'))).toBe(true)
  }, 180_000)

  it('is given a token at each request while the replicas are replaced', async () => {
    const orders = await clientOf('orders')
    const tally = await steadily(
      40,
      () => orders.exchange(audience),
      async () => {
        const old = (await test.pods(operatorNamespace, 'app.kubernetes.io/component=authority')).map(
          ({ metadata }) => `pod/${metadata.name}`,
        )
        await rollOut()
        await test.kubectl('-n', operatorNamespace, 'wait', '--for=delete', '--timeout=60s', ...old)
      },
    )
    console.log(`exchanges while the authority was rolled: ${tally.calls}, slowest ${Math.round(tally.slowestMs)} ms`)
    expect(tally.failures).toEqual([])
    expect(tally.calls).toBeGreaterThan(100)
  }, 180_000)

  it('gets none any more once it is deleted, within 10 s', async () => {
    const orders = await clientOf('orders')
    await orders.exchange(audience)
    await test.kubectl('-n', namespace, 'delete', 'pod', 'orders')
    await test.eventually(
      'the token of the deleted pod to be refused',
      () =>
        orders.exchange(audience).then(
          () => false,
          (error: unknown) => (error as { error?: string }).error === 'invalid_request',
        ),
      10_000,
    )
  })
})
