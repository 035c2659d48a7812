import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { SECOND } from '../../src/time/duration.ts'
import { generateSigningKey, type SigningKey } from '../../src/keys/signing-key.ts'
import { parseCompact } from '../../src/tokens/compact.ts'
import { tokenFingerprint } from '../../src/tokens/fingerprint.ts'
import { mintFor, startReplica, subject } from '../apiserver/authority-replica.ts'
import { accountUser, Kubectl } from '../apiserver/kubectl.ts'
import { FakeSource } from '../fakes/public-key-source.ts'
import { eventually } from '../builders/eventually.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { closeCachesAfterEach, connectedCache } from './caches.ts'
import { RedisServer } from './redis-server.ts'

const account = accountUser(operatorNamespace, 'signet-authority')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]

let directory = ''
let plane: ControlPlane
let kubeconfig: string
let key: SigningKey
const source = new FakeSource()

beforeAll(async () => {
  directory = await temporaryDirectory('signet-redis-revocation')
  // From this the replicas derive what they vouch to one another with.
  await writeFile(join(directory, 'tls.key'), randomBytes(64))
  plane = await startControlPlane()
  const kubectl = await Kubectl.of(plane)
  const namespaces = [operatorNamespace, 'shop']
  await kubectl.apply(namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  await kubectl.run(['wait', '--for=condition=Established', 'crd/tokenrevocations.signet.dev', '--timeout=120s'])
  kubeconfig = await plane.kubeconfigFor(account, groups)
  key = await generateSigningKey('ES256', subject)
  source.set([{ identity: { namespace: 'shop', name: 'orders' }, keys: [key.publicJwk] }])
}, buildTimeout)

afterAll(async () => {
  await plane.stop()
  await rm(directory, { recursive: true, force: true })
})
closeCachesAfterEach()

async function redis(): Promise<RedisServer> {
  const server = await RedisServer.start({ directory })
  onTestFinished(() => server.kill())
  return server
}

/** A replica with a connection of its own. */
async function replica({ url }: RedisServer) {
  const { cache } = await connectedCache(url)
  return startReplica({ kubeconfig, source, sharedCache: cache, certificateDirectory: directory })
}

describe('replicas that share a Redis', () => {
  it('I5: refuse a revoked token within two seconds, and within ten while Redis does not answer', async () => {
    const server = await redis()
    const [one, other] = [await replica(server), await replica(server)]
    const first = await mintFor(key)
    expect([await one.isActive(first.token), await other.isActive(first.token)]).toEqual([true, true])
    await one.revoke(first.token)
    await eventually(async () => expect(await other.isActive(first.token)).toBe(false), 2 * SECOND)
    server.pause()
    onTestFinished(() => server.resume())
    const second = await mintFor(key)
    expect([await one.isActive(second.token), await other.isActive(second.token)]).toEqual([true, true])
    expect(await one.revoke(second.token)).toMatchObject({ status: 200 })
    await eventually(async () => expect(await other.isActive(second.token)).toBe(false), 10 * SECOND)
  })

  it('I5: refuse it also once Redis has been emptied, and once all of them have started anew', async () => {
    const server = await redis()
    const [one, other] = [await replica(server), await replica(server)]
    const { token } = await mintFor(key)
    expect([await one.isActive(token), await other.isActive(token)]).toEqual([true, true])
    await one.revoke(token)
    await eventually(async () => expect(await other.isActive(token)).toBe(false), 2 * SECOND)
    await server.admin.flushall()
    expect([await one.isActive(token), await other.isActive(token)]).toEqual([false, false])
    await Promise.all([one.close(), other.close()])
    for (const next of [await replica(server), await replica(server)]) expect(await next.isActive(token)).toBe(false)
  })

  it('I6: believe nothing that another hand has put there', async () => {
    const server = await redis()
    const [one, other] = [await replica(server), await replica(server)]
    const { token } = await mintFor(key)
    expect(await one.isActive(token)).toBe(true)
    const forged = `${token.slice(0, -8)}${token.endsWith('AAAAAAAA') ? 'BBBBBBBB' : 'AAAAAAAA'}`
    const [good, bad] = [token, forged].map((text) => tokenFingerprint(parseCompact(text)))
    await eventually(async () => expect(await server.admin.keys(`*${good}`)).toHaveLength(1))
    const [vouched = ''] = await server.admin.keys(`*${good}`)
    const value = (await server.admin.get(vouched)) ?? ''
    expect(value).not.toBe('')
    for (const poison of ['true', value]) {
      await server.admin.set(vouched.replace(good ?? '', bad ?? ''), poison)
      expect([await one.isActive(forged), await other.isActive(forged)]).toEqual([false, false])
    }
    await server.admin.set(vouched, 'false')
    expect([await one.isActive(token), await other.isActive(token)]).toEqual([true, true])
  })
})
