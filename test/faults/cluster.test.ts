import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { startControllers } from '../apiserver/controller-manager.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { buildTimeout } from '../chart/helm.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let controller: ControllerProcess
let exits = 0

beforeAll(async () => {
  cluster = await FaultCluster.start()
  controller = await cluster.controller()
  await controller.said('leading')
  await cluster.apply('orders')
  await cluster.apply('ledger', {}, 'bank')
  await cluster.ready(['orders'])
  await cluster.ready(['ledger'], 10_000, 'bank')
}, buildTimeout)
afterAll(() => cluster.stop())

/** As kubelet does: whoever ends is started anew. */
const alive = async (): Promise<ControllerProcess> => {
  if (controller.child.exitCode !== null) {
    exits += 1
    controller = await cluster.controller()
  }
  return controller
}
const caBundle = () =>
  cluster.kubectl.run([
    'get',
    'mutatingwebhookconfiguration',
    'signet',
    '-o',
    'jsonpath={.webhooks[0].clientConfig.caBundle}',
  ])
const wipeBundle = () =>
  cluster.kubectl.run([
    ...['patch', 'mutatingwebhookconfiguration', 'signet', '--type=json'],
    ...['-p', '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]'],
  ])

describe('the controller', () => {
  it('goes on without its CRD, and serves identities again as soon as it is back', async () => {
    const name = 'serviceidentities.signet.dev'
    const crd = await cluster.kubectl.json<KubeObject>(['get', 'crd', name])
    const before = controller.lines.length
    await cluster.kubectl.run(['delete', 'crd', name, '--timeout=60s'])
    const bundle = await caBundle()
    await wipeBundle()
    await cluster.eventually('the caBundle', 10_000, async () => (await caBundle()) === bundle)
    await sleep(20_000)
    const { rings, tokens } = await cluster.witness.look()
    // Their identities are gone, and so are their keys: what is left verifies, which is nothing.
    expect(rings.size).toBe(0)
    expect(controller.child.exitCode).toBeNull()
    expect(controller.lines.length - before).toBeLessThan(200)
    const { metadata, apiVersion = '', kind = '', ...rest } = crd
    await cluster.kubectl.apply([{ apiVersion, kind, ...rest, metadata: { name: metadata.name } }])
    await cluster.kubectl.run(['wait', '--for=condition=Established', `crd/${name}`, '--timeout=30s'])
    // As the garbage collector does, which does not run here.
    for (const [namespace, secret] of [
      ['shop', 'signet.orders'],
      ['bank', 'signet.ledger'],
    ] as const)
      await cluster.client.delete(resources.secrets, { namespace, name: secret })
    const started = performance.now()
    await cluster.apply('orders')
    await cluster.apply('ledger', {}, 'bank')
    await cluster.ready(['orders'])
    await cluster.ready(['ledger'], 60_000, 'bank')
    report('CRD deleted and reinstalled', { left: tokens.size, readyAfter: secondsSince(started) })
    expect(controller.child.exitCode).toBeNull()
    await cluster.witness.look()
  }, 240_000)

  it('serves the others while a namespace is terminating, and starts no hot loop there', async () => {
    const namespace = 'doomed'
    await cluster.client.create(resources.namespaces, { metadata: { name: namespace } })
    await cluster.apply('last', {}, namespace)
    await cluster.ready(['last'], 30_000, namespace)
    await cluster.client.delete(resources.namespaces, { name: namespace })
    await cluster.client.delete(resources.secrets, { namespace, name: 'signet.last' })
    cluster.proxy.requests.length = 0
    const started = performance.now()
    await cluster.apply('meanwhile')
    await cluster.ready(['meanwhile'], 10_000)
    await sleep(20_000)
    const tries = cluster.proxy.requests.filter(
      ({ verb, path }) => verb === 'create' && path.includes(`/${namespace}/secrets`),
    )
    report('namespace terminating', { seconds: secondsSince(started), writesTried: tries.length })
    // 5 ms doubling: a dozen in 20 s.
    expect(tries.length).toBeGreaterThan(3)
    expect(tries.length).toBeLessThan(20)
    expect((await cluster.condition('last', namespace))?.reason).toBe('Forbidden')
    const stopControllers = await startControllers(cluster.plane, ['namespace-controller'])
    await cluster.eventually(
      'the namespace to be gone',
      60_000,
      async () => (await cluster.client.get(resources.namespaces, { name: namespace })) === undefined,
    )
    await cluster.eventually(
      'the sweep',
      30_000,
      async () => !(await cluster.witness.look()).rings.has(`signet-keys.${namespace}.last`),
    )
    await stopControllers()
    await cluster.client.create(resources.namespaces, { metadata: { name: namespace } })
    await cluster.apply('last', {}, namespace)
    await cluster.ready(['last'], 10_000, namespace)
    await cluster.witness.look()
    expect(controller.child.exitCode).toBeNull()
  }, 240_000)

  it('without any right ends once, waits, and resumes when it has them again', async () => {
    const bindings = (
      await cluster.kubectl.json<{ items: (KubeObject & { subjects?: { name: string }[] })[] }>([
        'get',
        'clusterrolebindings,rolebindings',
        '-A',
      ])
    ).items.filter(({ subjects }) => subjects?.some(({ name }) => name === 'signet-controller') === true)
    expect(bindings.length).toBeGreaterThan(1)
    const before = await cluster.token('orders')
    for (const { kind = '', metadata } of bindings) {
      await cluster.kubectl.run([
        'delete',
        kind,
        metadata.name,
        ...(metadata.namespace ? ['-n', metadata.namespace] : []),
      ])
    }
    for (const end = performance.now() + 60_000; performance.now() < end;) {
      await alive()
      await cluster.holds(1_000)
    }
    expect(exits).toBe(1)
    for (const { apiVersion = '', kind = '', metadata, ...rest } of bindings) {
      const { name, namespace, labels = {} } = metadata
      await cluster.kubectl.apply([
        { apiVersion, kind, ...rest, metadata: { name, labels, ...(namespace ? { namespace } : {}) } },
      ])
    }
    const started = performance.now()
    await cluster.apply('entitled')
    await cluster.ready(['orders', 'entitled'], 60_000)
    report('RBAC stripped for 60 s', { exits, readyAfter: secondsSince(started) })
    expect(exits).toBe(1)
    expect(await cluster.token('orders')).toBe(before)
    await cluster.witness.look()
  }, 240_000)
})
