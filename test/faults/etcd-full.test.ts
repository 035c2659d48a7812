import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rotateKeyAnnotation } from '../../src/identity/workload.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { buildTimeout } from '../chart/helm.ts'
import { apiRequest } from '../../tools/cluster/api-request.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let controller: ControllerProcess

beforeAll(async () => {
  cluster = await FaultCluster.start()
  controller = await cluster.controller()
  await controller.said('leading')
}, buildTimeout)
afterAll(() => cluster.stop())

/** Raises or clears the alarm that etcd itself raises at its quota: every write is refused until it is cleared. */
async function outOfSpace(action: 'ACTIVATE' | 'DEACTIVATE'): Promise<void> {
  const flags = (await readFile(`/proc/${cluster.plane.apiServerPid()}/cmdline`, 'utf8')).split('\0')
  const valueOf = (name: string) => flags.find((flag) => flag.startsWith(`--${name}=`))?.slice(name.length + 3) ?? ''
  const pem = (name: string) => readFile(valueOf(name), 'utf8')
  const credentials = { ca: await pem('etcd-cafile'), cert: await pem('etcd-certfile'), key: await pem('etcd-keyfile') }
  const post = (path: string, body: object) =>
    apiRequest(`${valueOf('etcd-servers')}/v3/${path}`, credentials, { method: 'POST', body: JSON.stringify(body) })
  const status = JSON.parse((await post('maintenance/status', {})).body) as { header: { member_id: string } }
  const answer = await post('maintenance/alarm', { action, memberID: status.header.member_id, alarm: 'NOSPACE' })
  expect(answer.status).toBe(200)
}

describe('an etcd that is out of space', () => {
  it('I1, I4: halts a rotation before its activation; a minute after it has space again, all is Ready and rotated', async () => {
    const spec = {
      tokens: [{ name: 'a', lifetime: '15m' }],
      signingKey: { rotationPeriod: '24h', publishAhead: '30s' },
    }
    await cluster.apply('orders', spec)
    await cluster.ready(['orders'])
    const slots = async () => (await cluster.witness.look()).rings.get('signet-keys.shop.orders')?.slots ?? []
    await cluster.apply('orders', spec, 'shop', { [rotateKeyAnnotation]: '1' })
    await cluster.eventually('the successor', 10_000, async () => (await slots())[1]?.publishedAt !== undefined)
    const token = await cluster.token('orders')
    await outOfSpace('ACTIVATE')
    const full = performance.now()
    await expect(
      cluster.client.create(resources.configMaps, { metadata: { namespace: 'shop', name: 'x' } }),
    ).rejects.toThrow('space')
    // The publication is 30 s old in the middle of this.
    await cluster.holds(50_000, 1_000)
    expect((await slots()).map(({ state }) => state)).toEqual(['Active', 'Published'])
    expect(await cluster.token('orders')).toBe(token)
    await outOfSpace('DEACTIVATE')
    const started = performance.now()
    await cluster.eventually('a leader', 60_000, async () => {
      if (controller.child.exitCode !== null) controller = await cluster.controller()
      return cluster.leader() !== undefined
    })
    await cluster.eventually(
      'the rotation',
      60_000,
      async () => (await slots()).map(({ state }) => state).join() === 'Retired,Active',
    )
    await cluster.ready(['orders'])
    report('etcd out of space', {
      fullSeconds: Math.round((started - full) / 1_000),
      rotatedAfter: secondsSince(started),
    })
    expect(secondsSince(started)).toBeLessThan(60)
  }, 240_000)
})
