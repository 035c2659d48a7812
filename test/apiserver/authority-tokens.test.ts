import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { components, selectorOf } from '../../src/api/v1alpha1/metadata.ts'
import { ServiceAccountIssuerKeys } from '../../src/authority/callers/service-account-issuer-keys.ts'
import { revokingReplica } from '../builders/revoking-replica.ts'
import { systemClock } from '../../src/time/clock.ts'
import { HOUR, MINUTE } from '../../src/time/duration.ts'
import { authorityUid, theAuthority } from '../../src/identity/key-owner.ts'
import type { PublicJwk } from '../../src/keys/public-jwk.ts'
import { generateSigningKey, type SigningKey } from '../../src/keys/signing-key.ts'
import { BoundObjectCache } from '../../src/kube/service-accounts/bound-object-cache.ts'
import { readClusterIssuer } from '../../src/kube/service-accounts/cluster-issuer.ts'
import { loadConfig } from '../../src/kube/client/kubeconfig.ts'
import { HttpKubeClient } from '../../src/kube/client/http-client.ts'
import {
  type ConfigMap,
  ConfigMapPublicKeyStore,
  leanPublicKeys,
} from '../../src/kube/keys/config-map-public-key-store.ts'
import { PublishedKeyCache } from '../../src/kube/keys/published-key-cache.ts'
import { Reflector } from '../../src/kube/cache/reflector.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { silentLogger } from '../../src/logger.ts'
import { decodeToken } from '../../src/tokens/decode.ts'
import { verifyTokenSync } from '../../src/tokens/verify.ts'
import { issuingJwk, type RunningAuthority, startAuthority } from '../builders/running-authority.ts'
import { accountToken } from '../builders/account-token.ts'
import { eventually } from '../builders/eventually.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { waitFor } from '../../tools/cluster/wait.ts'
import { mintFor, subject } from './authority-replica.ts'
import { accountUser, Kubectl } from './kubectl.ts'

/** The authority with its own rights on a real API server, which writes the pods' tokens. */
const account = accountUser(operatorNamespace, 'signet-authority')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`, 'system:authenticated']
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

let plane: ControlPlane
let kubectl: Kubectl
let client: HttpKubeClient
let keys: ServiceAccountIssuerKeys
let objects: BoundObjectCache
let authority: RunningAuthority
/** Which the tokens of `orders` are signed by that are mounted. */
let ordersKey: SigningKey
/** How far the authority's clocks are ahead, in milliseconds. */
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
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  await kubectl.run(['wait', '--for=condition=Established', 'crd/tokenrevocations.signet.dev', '--timeout=30s'])
  await publishKeys()
  client = new HttpKubeClient(await loadConfig({ kubeconfig: await plane.kubeconfigFor(account, groups) }))
  keys = new ServiceAccountIssuerKeys({
    read: (signal) => readClusterIssuer(client, signal),
    clock: systemClock,
    logger: silentLogger,
  })
  objects = new BoundObjectCache({ client, namespaces: [], logger: silentLogger })
  const configMaps = new Reflector<ConfigMap>({
    client,
    resource: resources.configMaps,
    namespace: operatorNamespace,
    labelSelector: selectorOf(components.publicKeys),
    transform: leanPublicKeys,
  })
  const watches = [keys.run(watching.signal), objects.run(watching.signal), configMaps.run(watching.signal)]
  let revocationsUnread = (): string | undefined => 'they are not watched yet'
  authority = await startAuthority({
    clusterKeys: keys,
    objects,
    identities: { ready: () => true, exists: ({ name }) => name !== 'stranger' },
    source: new PublishedKeyCache({ reflector: configMaps, namespace: operatorNamespace, logger: silentLogger }),
    revoking: (basis) => {
      const replica = revokingReplica({
        ...basis,
        client,
        keysConfirmedAt: () => configMaps.stats.confirmedAt,
        introspectors: ['shop/orders'],
        certificateDirectory: '/nowhere',
      })
      watches.push(replica.run(watching.signal))
      revocationsUnread = replica.notReady
      return replica
    },
    clock: { now: () => Date.now() + ahead, monotonic: () => performance.now() + ahead },
  })
  running = Promise.all(watches)
  await waitFor({
    what: 'the authority to know pods, keys and revocations',
    limitMs: 30_000,
    until: async () => objects.hasSynced && keys.issuer !== undefined && revocationsUnread() === undefined,
  })
}, buildTimeout)

afterAll(async () => {
  watching.abort()
  await running
  await authority.close()
  await client.close()
  await plane.stop()
})

/** As the controller would: a key of `orders`, and the authority's own. */
async function publishKeys(): Promise<void> {
  const administrator = new HttpKubeClient(await loadConfig({ kubeconfig: plane.kubeconfig }))
  const options = { client: administrator, store: new Store<ConfigMap>(), namespace: operatorNamespace }
  const store = new ConfigMapPublicKeyStore(options)
  ordersKey = await generateSigningKey('ES256', subject)
  const orders = { keys: [ordersKey.publicJwk], uid: 'uid-of-orders', ringVersion: undefined }
  await store.put({ namespace: 'shop', name: 'orders' }, undefined, orders)
  await store.put(theAuthority, undefined, { keys: [issuingJwk], uid: authorityUid, ringVersion: undefined })
  await administrator.close()
}

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

it('docs/guides/token-exchange.md shows a pod that the API server takes', async () => {
  const page = await readFile(join(projectDirectory, 'docs/guides/token-exchange.md'), 'utf8')
  const [, input = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  await kubectl.run(['create', '--dry-run=server', '--validate=strict', '-f', '-'], { input })
})

/** Asks as `orders`, which may ask about any token. */
async function ask(path: string, token: string, proof: string) {
  const answer = await authority.fetch(`${authority.issuer}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Bearer ${proof}` },
    body: new URLSearchParams({ token }).toString(),
  })
  const text = await answer.text()
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body }
}

async function document<T>(path: string): Promise<T> {
  const answer = await authority.fetch(`${authority.issuer}${path}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as T
}
const served = async () => (await document<{ keys: PublicJwk[] }>('/jwks.json')).keys
const listed = async () => (await document<{ revocations: { jti?: string }[] }>('/revocations')).revocations

describe('while the API server is away', () => {
  const inactive = { status: 200, body: { active: false } }
  const unavailable = {
    status: 503,
    retryAfter: expect.stringMatching(/^[1-9]\d*$/) as string,
    body: { error: 'temporarily_unavailable' },
  }
  /** Credentials: presented before; never presented, of an observed pod; and of a deleted pod. */
  const proofs = { known: '', fresh: '', gone: '' }
  /** Tokens of an hour by the key of `orders`: one to stay, one that was revoked before, one to revoke meanwhile. */
  const mounted = { live: '', revoked: '', late: '', expired: '' }
  const ids = { revoked: '', late: '' }
  /** Given out before, for five minutes. */
  let issued = ''
  let keysBefore: PublicJwk[] = []

  const mint = (key = ordersKey, issuedAt = Date.now()) =>
    mintFor(key, { issuer: authority.issuer, issuedAt, lifetimeMs: HOUR })

  beforeAll(async () => {
    const uid = await pod('known')
    for (const name of ['known', 'fresh'] as const) proofs[name] = await tokenOf('known', uid)
    proofs.gone = await tokenOf('gone', await pod('gone', 'ledger'), { of: 'ledger' })
    for (const name of ['revoked', 'late'] as const) {
      const { token, jti } = await mint()
      mounted[name] = token
      ids[name] = jti
    }
    mounted.live = (await mint()).token
    mounted.expired = (await mint(ordersKey, Date.now() - 2 * HOUR)).token
    issued = (await exchange(proofs.known)).issued ?? ''
    expect(await ask('/revoke', mounted.revoked, proofs.known)).toMatchObject({ status: 200 })
    keysBefore = await served()
    expect(keysBefore.map(({ kid }) => kid).sort()).toEqual([ordersKey.keyID, issuingJwk.kid].sort())
    await kubectl.run(['delete', 'pod', 'gone', '-n', 'shop', '--grace-period=0', '--force'])
    await isRefusedSoon(proofs.gone, 'ERR_TOKEN_BOUND_OBJECT')
    await plane.stopApiServer()
  })
  afterAll(() => plane.startApiServer())

  describe.each([
    ['at once', 0],
    ['25 minutes later', 25 * MINUTE],
  ])('%s', (_, sinceMs) => {
    beforeAll(() => {
      ahead = sinceMs
    })

    it('known pods get tokens, which verify with the keys that are served', async () => {
      for (const proof of [proofs.known, proofs.fresh]) {
        const { status, issued: token = '' } = await exchange(proof)
        expect(status).toBe(200)
        const published = new Map((await served()).map((key) => [key.kid, key]))
        const { claims } = verifyTokenSync(token, {
          keys: (kid) => published.get(kid),
          issuer: authority.issuer,
          audience: 'payments',
          now: Date.now() + ahead,
        })
        expect(claims.sub).toBe(subject)
        expect(await ask('/introspect', token, proof)).toMatchObject({ status: 200, body: { active: true } })
      }
    })

    it('I6: a pod that is gone is neither allowed nor denied', async () => {
      // For a moment it is believed to be gone, as it was.
      await eventually(async () => expect((await exchange(proofs.gone)).status).toBe(503), 30_000, 200)
      expect(await exchange(proofs.gone)).toMatchObject({
        error: 'temporarily_unavailable',
        reason: 'bound-objects-unknown',
      })
    })

    it('I5: a live token is active; an expired one is not, nor the one that was revoked', async () => {
      const { live, revoked, expired } = mounted
      expect(await ask('/introspect', live, proofs.known)).toMatchObject({
        status: 200,
        body: { active: true, sub: subject, aud: 'payments' },
      })
      expect(await ask('/introspect', expired, proofs.known)).toMatchObject(inactive)
      expect(await ask('/introspect', revoked, proofs.known)).toMatchObject(inactive)
      // Which ends within the outage.
      const { body } = await ask('/introspect', issued, proofs.known)
      expect(body['active']).toBe(sinceMs === 0)
    })

    it('I5, I6: nothing is revoked, and said not to be', async () => {
      expect(await ask('/revoke', mounted.late, proofs.known)).toMatchObject(unavailable)
      expect(await ask('/introspect', mounted.late, proofs.known)).toMatchObject({ body: { active: true } })
    })

    it('I6: a token by a key that came meanwhile, perhaps, is neither active nor inactive', async () => {
      const { token } = await mint(await generateSigningKey('ES256', subject))
      expect(await ask('/introspect', token, proofs.known)).toMatchObject(unavailable)
    })

    it('what is revoked is listed, and the keys are served as they were', async () => {
      const tokenIDs = (await listed()).map(({ jti }) => jti)
      expect(tokenIDs).toContain(ids.revoked)
      expect(tokenIDs).not.toContain(ids.late)
      expect(await served()).toEqual(keysBefore)
    })
  })

  // The clocks do not go back.
  it('after its return all is as it was, and what could not be revoked is', async () => {
    await plane.startApiServer()
    await eventually(
      async () => expect(await exchange(proofs.gone)).toMatchObject(refused('ERR_TOKEN_BOUND_OBJECT')),
      60_000,
      500,
    )
    expect((await exchange(proofs.known)).status).toBe(200)
    await eventually(
      async () => expect(await ask('/revoke', mounted.late, proofs.known)).toMatchObject({ status: 200 }),
      60_000,
      500,
    )
    expect(await ask('/introspect', mounted.late, proofs.known)).toMatchObject(inactive)
    expect(await ask('/introspect', mounted.revoked, proofs.known)).toMatchObject(inactive)
    expect(await ask('/introspect', mounted.live, proofs.known)).toMatchObject({ body: { active: true } })
    await eventually(async () => expect((await listed()).map(({ jti }) => jti)).toContain(ids.late), 10_000, 100)
  }, 240_000)
})
