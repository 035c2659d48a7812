import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ClusterKeys } from '../../src/authority/cluster-keys.ts'
import { systemClock } from '../../src/clock.ts'
import { HOUR, MINUTE } from '../../src/duration.ts'
import { PodsAndAccounts } from '../../src/kube/bound-objects.ts'
import { readClusterIssuer } from '../../src/kube/cluster-issuer.ts'
import { loadConfig } from '../../src/kube/config.ts'
import { HttpKubeClient } from '../../src/kube/http-client.ts'
import { silentLogger } from '../../src/logger.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { type RunningAuthority, startAuthority } from '../authority/running-authority.ts'
import { accountToken } from '../builders/account-token.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { projectDirectory } from '../cluster/paths.ts'
import { waitFor } from '../cluster/wait.ts'
import { accountUser, Kubectl } from './kubectl.ts'

/** The authority with its own rights on a real API server, which writes the pods' tokens. */
const account = accountUser(operatorNamespace, 'signet-authority')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated']
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

let plane: ControlPlane
let kubectl: Kubectl
let client: HttpKubeClient
let keys: ClusterKeys
let objects: PodsAndAccounts
let authority: RunningAuthority
/** How far the authority's clock is ahead, in milliseconds. */
let ahead = 0
const watching = new AbortController()
let running: Promise<unknown>

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const accounts = ['orders', 'payments', 'ledger', 'stranger'].map((name) => serviceAccount(name))
  const namespaces = [operatorNamespace, 'shop'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
  }))
  await kubectl.apply([...namespaces, ...accounts])
  const wanted = /Role(Binding)?$|^ServiceAccount$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  client = new HttpKubeClient(await loadConfig({ kubeconfig: await plane.kubeconfigFor(account, groups) }))
  keys = new ClusterKeys({
    read: (signal) => readClusterIssuer(client, signal),
    clock: systemClock,
    logger: silentLogger,
  })
  objects = new PodsAndAccounts({ client, namespaces: [], logger: silentLogger })
  running = Promise.all([keys.run(watching.signal), objects.run(watching.signal)])
  authority = await startAuthority({
    clusterKeys: keys,
    objects,
    identities: { ready: () => true, exists: ({ name }) => name !== 'stranger' },
    clock: { now: () => Date.now() + ahead, monotonic: () => performance.now() },
  })
  await waitFor({
    what: 'the authority to know pods and keys',
    limitMs: 30_000,
    until: () => Promise.resolve(objects.hasSynced && keys.issuer !== undefined),
  })
}, buildTimeout)

afterAll(async () => {
  watching.abort()
  await running
  await authority.close()
  await client.close()
  await plane.stop()
})

function serviceAccount(name: string) {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'shop' } }
}

async function pod(name: string, serviceAccountName = 'orders'): Promise<string> {
  const spec = { serviceAccountName, containers: [{ name: 'app', image: 'example/app:1' }] }
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop' }, spec }
  const made = await kubectl.json<{ metadata: { uid: string } }>(['create', '-f', '-'], { input: object })
  return made.metadata.uid
}

/** What kubelet asks the API server for, to project it into a pod. */
async function tokenOf(
  name: string,
  uid: string,
  { audience = authority.issuer, of = 'orders' } = {},
): Promise<string> {
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=${name}`, `--bound-object-uid=${uid}`]
  return (await kubectl.run(['create', 'token', of, '-n', 'shop', `--audience=${audience}`, ...bound])).trim()
}

async function exchange(token: string) {
  const answer = await authority.fetch(`${authority.issuer}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: token,
      subject_token_type: jwt,
      audience: 'payments',
    }).toString(),
  })
  const { error, access_token: issued } = (await answer.json()) as Record<string, string | undefined>
  return { status: answer.status, error, issued, reason: authority.reasons.at(-1) }
}

const refused = (reason: string) => ({ status: 400, error: 'invalid_request', reason })

/** Ten seconds from what was done until it is refused. */
async function isRefusedSoon(token: string, reason: string): Promise<void> {
  await waitFor({
    what: `the token to be refused for ${reason}`,
    limitMs: 10_000,
    everyMs: 100,
    until: async () => (await exchange(token)).status !== 200,
  })
  expect(await exchange(token)).toMatchObject(refused(reason))
}

describe('a token that the API server writes for a pod', () => {
  it('is exchanged for one of its identity, at once after the pod was made', async () => {
    const token = await tokenOf('first', await pod('first'))
    const { status, issued } = await exchange(token)
    expect(status).toBe(200)
    const { claims } = decodeToken(issued ?? '')
    expect(claims).toMatchObject({
      iss: authority.issuer,
      sub: 'spiffe://cluster.local/ns/shop/sa/orders',
      aud: 'payments',
    })
    expect(claims.exp).toBeLessThanOrEqual(Number(decodeToken(token).claims.exp))
  })

  it('is refused for another audience', async () => {
    const uid = await pod('audience')
    for (const audience of ['https://kubernetes.default.svc', `${authority.issuer}/`, 'payments']) {
      expect(await exchange(await tokenOf('audience', uid, { audience }))).toMatchObject(refused('ERR_TOKEN_AUDIENCE'))
    }
  })

  it('is refused where it is bound to no pod', async () => {
    const plain = ['create', 'token', 'orders', '-n', 'shop', `--audience=${authority.issuer}`]
    expect(await exchange((await kubectl.run(plain)).trim())).toMatchObject(refused('ERR_TOKEN_CLAIM'))
    await kubectl.run(['create', 'secret', 'generic', 'bound', '-n', 'shop'])
    const bound = await kubectl.run([...plain, '--bound-object-kind=Secret', '--bound-object-name=bound'])
    expect(await exchange(bound.trim())).toMatchObject(refused('ERR_TOKEN_CLAIM'))
  })

  it('is refused of an account without identity', async () => {
    const token = await tokenOf('stranger', await pod('stranger', 'stranger'), { of: 'stranger' })
    expect(await exchange(token)).toMatchObject(refused('no-identity'))
  })

  it('is refused within ten seconds of the deletion of its pod', async () => {
    const token = await tokenOf('deleted', await pod('deleted'))
    expect((await exchange(token)).status).toBe(200)
    await kubectl.run(['delete', 'pod', 'deleted', '-n', 'shop', '--grace-period=0', '--force'])
    await isRefusedSoon(token, 'ERR_TOKEN_BOUND_OBJECT')
    // A pod of the same name is another.
    const successor = await tokenOf('deleted', await pod('deleted'))
    expect((await exchange(successor)).status).toBe(200)
    expect(await exchange(token)).toMatchObject(refused('ERR_TOKEN_BOUND_OBJECT'))
  })

  it('is refused within ten seconds after its account was made anew', async () => {
    const uid = await pod('recreated', 'payments')
    const token = await tokenOf('recreated', uid, { of: 'payments' })
    expect((await exchange(token)).status).toBe(200)
    await kubectl.run(['delete', 'serviceaccount', 'payments', '-n', 'shop'])
    await kubectl.apply([serviceAccount('payments')])
    await isRefusedSoon(token, 'ERR_TOKEN_BOUND_OBJECT')
    expect((await exchange(await tokenOf('recreated', uid, { of: 'payments' }))).status).toBe(200)
  })

  it('is refused once it has expired', async () => {
    const token = await tokenOf('expired', await pod('expired'))
    expect((await exchange(token)).status).toBe(200)
    ahead = HOUR
    expect(await exchange(token)).toMatchObject(refused('ERR_TOKEN_EXPIRED'))
    ahead = 0
    expect((await exchange(token)).status).toBe(200)
  })

  it('is refused of another cluster, also of one with the same issuer', async () => {
    const uid = await pod('foreign')
    const bound = { namespace: 'shop', account: { name: 'orders', uid: 'x' }, pod: { name: 'foreign', uid } }
    const foreign = (iss: string) => accountToken({ bound, claims: { aud: [authority.issuer], iss } })
    for (const iss of [keys.issuer ?? '', 'https://other.example']) {
      expect(await exchange(await foreign(iss))).toMatchObject(refused('ERR_TOKEN_KEY_UNKNOWN'))
    }
  })
})

it('docs/token-exchange.md shows a pod that the API server takes', async () => {
  const page = await readFile(join(projectDirectory, 'docs/token-exchange.md'), 'utf8')
  const [, input = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  await kubectl.run(['create', '--dry-run=server', '--validate=strict', '-f', '-'], { input })
})

describe('while the API server is away', () => {
  it('I6: known pods go on, 25 minutes later too, and others are neither allowed nor denied', async () => {
    const known = await tokenOf('known', await pod('known'))
    // Never presented before: the watch has told of the pod.
    const fresh = await tokenOf(
      'known',
      (await kubectl.run(['get', 'pod', 'known', '-n', 'shop', '-o', 'jsonpath={.metadata.uid}'])).trim(),
    )
    const gone = await tokenOf('gone', await pod('gone', 'ledger'), { of: 'ledger' })
    expect((await exchange(known)).status).toBe(200)
    await kubectl.run(['delete', 'pod', 'gone', '-n', 'shop', '--grace-period=0', '--force'])
    await isRefusedSoon(gone, 'ERR_TOKEN_BOUND_OBJECT')
    await plane.stopApiServer()
    try {
      expect((await exchange(known)).status).toBe(200)
      expect((await exchange(fresh)).status).toBe(200)
      await waitFor({
        what: 'the pod that is gone to be undecided',
        limitMs: 20_000,
        everyMs: 500,
        until: async () => (await exchange(gone)).status === 503,
      })
      expect(await exchange(gone)).toMatchObject({ error: 'temporarily_unavailable', reason: 'bound-objects-unknown' })
      // Nothing that was given out is young enough to be given out again: it is signed anew.
      ahead = 25 * MINUTE
      expect((await exchange(known)).status).toBe(200)
      expect((await exchange(fresh)).status).toBe(200)
    } finally {
      ahead = 0
      await plane.startApiServer()
    }
    await waitFor({
      what: 'the pod that is gone to be refused again',
      limitMs: 30_000,
      everyMs: 500,
      until: async () => (await exchange(gone)).status === 400,
    })
    expect((await exchange(known)).status).toBe(200)
  })
})
