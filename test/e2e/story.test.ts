import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namespace as operatorNamespace } from '../../scripts/install.ts'
import { root } from '../../scripts/run.ts'
import type { ServiceIdentity } from '../../src/api/v1alpha1/types.ts'
import { decodeKeyRing } from '../../src/keys/key-ring/codec.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { type Secret, secretText } from '../../src/kube/secrets/secret-codec.ts'
import { buildClaims } from '../../src/tokens/claims.ts'
import { mintToken, newTokenID } from '../../src/tokens/mint.ts'
import { eventually } from '../builders/eventually.ts'
import { AuthorityClient, issuer } from './authority.ts'
import { type Pod, TestCluster } from './cluster.ts'
import { withClusterDns } from './host.ts'
import { container, pod } from './manifests.ts'
import { prepareVerifiers, type Verifier, verifiers } from './verifiers.ts'

const namespace = 'demo'
const subject = 'spiffe://cluster.local/ns/demo/sa/orders'

let test: TestCluster
let orders: string

beforeAll(async () => {
  test = await TestCluster.of()
  await test.apply(await readFile(join(root, 'examples/orders-and-payments/manifests.yaml'), 'utf8'))
  await test.identitiesReady(namespace)
  for (const name of ['payments', 'orders']) {
    await test.kubectl('-n', namespace, 'rollout', 'status', `deployment/${name}`, '--timeout=60s')
  }
  orders = (await test.pods(namespace, 'app=orders'))[0]?.metadata.name ?? ''
})

/** The same claims with another amount of power, under the signature of the first. */
function altered(token: string): string {
  const [header, , signature] = token.split('.')
  const claims = { ...decodeJwt(token), scope: 'everything' }
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
}

/** A token that the identity's own key has signed, and that has ended an hour ago. */
async function expired(): Promise<string> {
  const secret = await test.json<Secret>('-n', operatorNamespace, 'get', 'secret', 'signet-keys.demo.orders')
  const ring = decodeKeyRing(secretText(secret, 'ring.json') ?? '')
  const active = ring.slots.find(({ state }) => state === 'Active')
  if (active?.privateJwk === undefined) throw new Error('the ring of demo/orders has no active key')
  const { keyID, algorithm, privateJwk, publicJwk } = active
  const hour = 3_600_000
  const claims = buildClaims({
    issuer,
    subject,
    audience: 'payments',
    issuedAt: Date.now() - 2 * hour,
    lifetimeMs: hour,
    tokenID: newTokenID(),
    profile: 'JWT-SVID',
  })
  const signer = createSigner({ keyID, algorithm, privateJwk })
  return (await mintToken({ signer, claims, profile: 'JWT-SVID', publicJwk })).token
}

describe('orders and payments', () => {
  it('become Ready, and say so in what kubectl prints', async () => {
    const table = await test.kubectl('-n', namespace, 'get', 'serviceidentities')
    expect(table).toMatch(/NAME +READY +SUBJECT +SECRET +EXPIRES +AGE/)
    expect(table).toMatch(new RegExp(`orders +True +${subject} +signet.orders`))
    const { status } = await test.json<ServiceIdentity>('-n', namespace, 'get', 'sid', 'orders')
    expect(status).toMatchObject({
      issuer,
      keys: [{ state: 'Active' }],
      tokens: [{ name: 'payments' }, { name: 'ledger' }],
    })
  })

  it('have their files mounted, all for the account of the pod', async () => {
    const claims = decodeJwt(await test.mounted(namespace, orders))
    expect(claims).toMatchObject({ iss: issuer, sub: subject, aud: 'payments' })
    expect(decodeJwt(await test.mounted(namespace, orders, 'ledger.jwt'))).toMatchObject({
      sub: subject,
      aud: 'ledger',
    })
    expect(await test.mounted(namespace, orders, 'issuer')).toBe(issuer)
    expect(await test.mounted(namespace, orders, 'ca.crt')).toContain('BEGIN CERTIFICATE')
  })

  it('know each other: payments charges orders', async () => {
    const answer = await test.kubectl(
      '-n',
      namespace,
      'exec',
      orders,
      '--',
      '/nodejs/bin/node',
      '/app/orders.mjs',
      'call',
    )
    expect(answer.trim()).toBe(`200 {"charged":true,"caller":"${subject}"}`)
  })
})

describe('payments, called from within the cluster', () => {
  const script = `
    const token = require("fs").readFileSync(0, "utf8")
    const headers = token === "" ? {} : { authorization: "Bearer " + token }
    fetch("http://payments:8080/charge", { method: "POST", headers })
      .then(async (response) => console.log(response.status, await response.text()))`
  const call = async (token: string) => (await test.node(namespace, orders, script, token)).trim()

  it('answers 200 with the token', async () => {
    expect(await call(await test.mounted(namespace, orders))).toMatch(/^200 /)
  })

  it.each<[string, () => Promise<string>, string]>([
    ['no token', async () => '', 'ERR_TOKEN_MISSING'],
    ["another audience's token", () => test.mounted(namespace, orders, 'ledger.jwt'), 'ERR_TOKEN_AUDIENCE'],
    ['an altered token', async () => altered(await test.mounted(namespace, orders)), 'ERR_TOKEN_SIGNATURE'],
    ['an expired token', expired, 'ERR_TOKEN_EXPIRED'],
  ])('refuses %s without a reason, which is in its own log', async (_, token, code) => {
    expect(await call(await token())).toBe('401')
    await eventually(async () => {
      const log = await test.kubectl('-n', namespace, 'logs', 'deployment/payments')
      expect(log).toContain(`refused: ${code}`)
    })
  })
})

describe('I1: the mounted token, against the keys that the Service of the authority serves', () => {
  let directory: string
  let caFile: string

  beforeAll(async () => {
    await prepareVerifiers()
    directory = await mkdtemp(join(tmpdir(), 'signet-story-'))
    caFile = join(directory, 'ca.crt')
    await writeFile(caFile, await test.mounted(namespace, orders, 'ca.crt'))
  }, 900_000)

  afterAll(() => rm(directory, { recursive: true, force: true }))

  const verify = (verifier: Verifier, token: string, audience: string) =>
    withClusterDns(test, { namespace, name: orders }, { ...verifier.program(issuer, audience, caFile), input: token })

  it.each(verifiers)('is verified with $name, and refused altered and for another audience', async (verifier) => {
    const token = await test.mounted(namespace, orders)
    expect(await verify(verifier, token, 'payments')).toMatchObject({ code: 0, stdout: `${subject}\n` })
    const foreign = await verify(verifier, token, 'ledger')
    expect(foreign).toMatchObject({ code: 1, stdout: '' })
    expect(foreign.stderr).toMatch(/^refused: .*aud/i)
    const forged = await verify(verifier, altered(token), 'payments')
    expect(forged).toMatchObject({ code: 1, stdout: '' })
    expect(forged.stderr).toMatch(/^refused: .*(signature|verify)/i)
  })

  it('has its key in the set of every replica, bound to its subject', async () => {
    const { kid } = decodeProtectedHeader(await test.mounted(namespace, orders))
    const replicas = await AuthorityClient.ofReplicas(test)
    expect(replicas).toHaveLength(2)
    for (const replica of replicas) {
      expect(await replica.jwks()).toContainEqual(
        expect.objectContaining({ kid, sub: subject, use: 'sig', alg: 'ES256' }),
      )
    }
  })
})

describe('a pod as strict as can be', () => {
  const name = 'strict'

  afterAll(() => test.kubectl('-n', namespace, 'delete', 'pod', name, '--wait=false', '--ignore-not-found'))

  it('reads its token as user 65534, with a read-only root and without fsGroup', async () => {
    const securityContext = {
      runAsNonRoot: true,
      runAsUser: 65534,
      runAsGroup: 65534,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    }
    const spec = { containers: [container('app', { securityContext })] }
    await test.apply(pod({ name, namespace, account: 'orders', spec }))
    await test.ready(namespace, name)
    expect((await test.json<Pod>('-n', namespace, 'get', 'pod', name)).spec).not.toHaveProperty(
      'securityContext.fsGroup',
    )
    expect((await test.node(namespace, name, 'console.log(process.getuid(), process.getgid())')).trim()).toBe(
      '65534 65534',
    )
    expect(decodeJwt(await test.mounted(namespace, name))).toMatchObject({ sub: subject, aud: 'payments' })
    const modes =
      'for (const f of fs.readdirSync(process.env.SIGNET_DIR)) if (!f.startsWith("..")) ' +
      'console.log(f, (fs.statSync(process.env.SIGNET_DIR + "/" + f).mode & 0o777).toString(8))'
    expect((await test.node(namespace, name, modes)).trim().split('\n').sort()).toEqual([
      'ca.crt 444',
      'issuer 444',
      'ledger.jwt 444',
      'payments.jwt 444',
      'token 444',
    ])
    await expect(
      test.node(namespace, name, 'fs.writeFileSync(process.env.SIGNET_DIR + "/token", "x")'),
    ).rejects.toThrow('EROFS')
  })
})
