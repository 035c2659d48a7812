import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import { SECOND } from '../../src/time/duration.ts'
import { generateSigningKey, type SigningKey } from '../../src/keys/signing-key.ts'
import { FakeSharedCache } from '../fakes/shared-cache.ts'
import { FakeSource } from '../fakes/public-key-source.ts'
import { eventually } from '../builders/eventually.ts'
import { spellingsOf } from '../builders/spellings.ts'
import { buildTimeout, operatorNamespace, renderChart } from '../chart/helm.ts'
import { type ControlPlane, startControlPlane } from '../../tools/cluster/control-plane.ts'
import { mintFor, startReplica, subject } from './authority-replica.ts'
import { accountUser, Kubectl } from './kubectl.ts'

const account = accountUser(operatorNamespace, 'signet-authority')
const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]

let plane: ControlPlane
let kubectl: Kubectl
let kubeconfig: string
let key: SigningKey
let source: FakeSource

beforeAll(async () => {
  plane = await startControlPlane()
  kubectl = await Kubectl.of(plane)
  const namespaces = [operatorNamespace, 'shop']
  await kubectl.apply(namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })))
  const wanted = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$/
  await kubectl.apply((await renderChart()).filter(({ kind }) => wanted.test(kind)))
  await kubectl.run(['wait', '--for=condition=Established', 'crd/tokenrevocations.signet.dev', '--timeout=120s'])
  kubeconfig = await plane.kubeconfigFor(account, groups)
  key = await generateSigningKey('ES256', subject)
  source = new FakeSource()
  source.set([{ identity: { namespace: 'shop', name: 'orders' }, keys: [key.publicJwk] }])
}, buildTimeout)

afterAll(() => plane.stop())

const replica = (sharedCache?: FakeSharedCache) => startReplica({ kubeconfig, source, sharedCache })
const mint = () => mintFor(key)
const records = async () => (await kubectl.json<{ items: TokenRevocation[] }>(['get', 'trv', '-n', 'shop'])).items

describe('a token revoked at the authority', () => {
  it.each([
    ['by its hint', () => new FakeSharedCache()],
    ['by the watch alone', () => undefined],
  ])('I5: is refused in every spelling by the other replica %s, within two seconds', async (_, makeCache) => {
    const cache = makeCache()
    const [one, other] = [await replica(cache), await replica(cache)]
    const { token, jti } = await mint()
    expect([await one.isActive(token), await other.isActive(token)]).toEqual([true, true])
    expect(await one.revoke(token)).toMatchObject({ status: 200 })
    expect(await one.isActive(token)).toBe(false)
    await eventually(async () => expect(await other.isActive(token)).toBe(false), 2 * SECOND)
    for (const [, spelling] of spellingsOf(token)) {
      expect([await one.isActive(spelling), await other.isActive(spelling)]).toEqual([false, false])
    }
    for (const level of ['', '/ns/shop', '/ns/shop/sa/orders']) {
      await eventually(async () => expect(await other.listed(level)).toContain(jti))
    }
  })

  it('I5: is on record before the answer, once however often it is asked for, and refused after a restart', async () => {
    const one = await replica()
    const { token, jti } = await mint()
    for (const [, spelling] of spellingsOf(token)) await one.revoke(spelling)
    const mine = (await records()).filter(({ spec }) => spec.tokenID === jti)
    expect(mine).toHaveLength(1)
    expect(mine[0]?.spec).toMatchObject({ identity: 'orders', reason: 'revoked at the authority by its owner' })
    await one.close()
    const next = await replica()
    expect(await next.isActive(token)).toBe(false)
    expect(await next.listed()).toContain(jti)
  })

  it('I5: is revoked although another object has the name of its record', async () => {
    const one = await replica()
    const { token, jti } = await mint()
    await one.revoke(token)
    const [record] = (await records()).filter(({ spec }) => spec.tokenID === jti)
    const name = record?.metadata.name ?? ''
    await one.close()
    await kubectl.run(['delete', 'trv', name, '-n', 'shop'])
    const planted = { ...record, metadata: { name, namespace: 'shop' }, spec: { identity: 'orders', tokenID: 'other' } }
    await kubectl.apply([planted])
    const next = await replica()
    expect(await next.isActive(token)).toBe(true)
    expect(await next.revoke(token)).toMatchObject({ status: 200 })
    expect(await next.isActive(token)).toBe(false)
    expect((await records()).filter(({ spec }) => spec.tokenID === jti)).toHaveLength(1)
  })

  it('I5, I6: is not revoked, and said not to be, while the API server is away; what is known goes on', async () => {
    const one = await replica()
    const [revoked, live, late] = [await mint(), await mint(), await mint()]
    await one.revoke(revoked.token)
    await plane.stopApiServer()
    try {
      await expect(one.revoke(late.token)).rejects.toMatchObject({ error: 'temporarily_unavailable', status: 503 })
      expect(await one.isActive(revoked.token)).toBe(false)
      expect(await one.isActive(live.token)).toBe(true)
    } finally {
      await plane.startApiServer()
    }
    await eventually(async () => expect(await one.revoke(late.token)).toMatchObject({ status: 200 }), 60_000, 200)
    expect(await one.isActive(late.token)).toBe(false)
    expect(await one.isActive(revoked.token)).toBe(false)
  }, 120_000)
})
