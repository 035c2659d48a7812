import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTimeout } from '../chart/helm.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let controller: ControllerProcess

const names = ['orders', 'payments', 'ledger']
const mounted = () => Promise.all(names.map((name) => cluster.token(name)))

beforeAll(async () => {
  cluster = await FaultCluster.start()
  controller = await cluster.controller()
  await controller.said('leading')
  for (const name of names) await cluster.apply(name, { tokens: [{ name: 'a', lifetime: '15m' }] })
  await cluster.ready(names)
}, buildTimeout)
afterAll(() => cluster.stop())

describe('the controller', () => {
  it('I1, I2: outlives 60 s without API server, and all is Ready a minute later, nothing minted twice', async () => {
    const before = await mounted()
    await cluster.plane.stopApiServer()
    const stopped = performance.now()
    // The leader ends with its lease, as it must; in a cluster kubelet starts it anew.
    await cluster.eventually('the leader to end', 30_000, () => Promise.resolve(controller.child.exitCode !== null))
    const [next] = [await cluster.controller()]
    await new Promise((resolve) => setTimeout(resolve, 60_000 - (performance.now() - stopped)))
    const downSeconds = secondsSince(stopped)
    await cluster.plane.startApiServer()
    const up = performance.now()
    // Whoever could not list the cluster ends, too, and is started again.
    controller = next
    await cluster.eventually('a leader', 60_000, async () => {
      if (controller.child.exitCode !== null) controller = await cluster.controller()
      return controller.count('leading') > 0
    })
    await cluster.apply('late')
    await cluster.ready([...names, 'late'])
    report('API server down', { downSeconds, readyAfter: secondsSince(up) })
    await cluster.witness.look()
    expect(secondsSince(up)).toBeLessThan(60)
    expect(await mounted()).toEqual(before)
  }, 240_000)

  it('goes on through a restart of etcd', async () => {
    const before = await mounted()
    await cluster.plane.restartEtcd()
    const started = performance.now()
    await cluster.apply('after-etcd')
    await cluster.ready(['after-etcd'])
    report('etcd restarted', { readyAfter: secondsSince(started) })
    await cluster.witness.look()
    expect(await mounted()).toEqual(before)
  }, 120_000)

  it.each(['reset', 'error', 'hang'] as const)(
    'I4: makes no second ring where the answer to a write that was done is lost (%s): it looks again',
    async (afterCommit) => {
      const name = `ambiguous-${afterCommit}`
      const lost = new Set<string>()
      cluster.proxy.fault = ({ verb, path, resource }) => {
        const write = !['get', 'list', 'watch'].includes(verb) && resource !== 'leases' && resource !== 'events'
        if (!write || (!path.includes(name) && verb !== 'create')) return undefined
        // Each write of this identity once: the ring, the public keys, the Secret, the status.
        if (lost.has(`${verb} ${resource} ${lost.size}`) || lost.size >= 4) return undefined
        lost.add(`${verb} ${resource} ${lost.size}`)
        return { afterCommit }
      }
      const started = performance.now()
      await cluster.apply(name)
      await cluster.ready([name], 180_000)
      cluster.proxy.fault = () => undefined
      report(`answer lost after commit (${afterCommit})`, { lost: lost.size, readyAfter: secondsSince(started) })
      const { rings } = await cluster.witness.look()
      expect(lost.size).toBe(4)
      expect(rings.get(`signet-keys.shop.${name}`)?.slots).toHaveLength(1)
      expect(controller.count('key changed', { identity: `shop/${name}`, change: 'Created' })).toBeLessThanOrEqual(1)
    },
    200_000,
  )

  it('stays away for as long as a 429 asks with Retry-After, then makes all Ready', async () => {
    const refusals: { path: string; verb: string; at: number }[] = []
    const retryAfter = 3
    const end = performance.now() + 8_000
    cluster.proxy.requests.length = 0
    cluster.proxy.fault = ({ verb, path, resource, at }) => {
      if (resource === 'leases' || at > end) return undefined
      refusals.push({ path, verb, at })
      return { status: 429, reason: 'TooManyRequests', retryAfter }
    }
    const burst = Array.from({ length: 10 }, (_, index) => `crowd-${index}`)
    const started = performance.now()
    for (const name of burst) await cluster.apply(name)
    await cluster.ready(burst, 60_000)
    cluster.proxy.fault = () => undefined
    report('429 with Retry-After', { refusals: refusals.length, readyAfter: secondsSince(started) })
    expect(refusals.length).toBeGreaterThan(5)
    for (const { path, verb, at } of refusals) {
      const next = cluster.proxy.requests.find(
        (request) => request.path === path && request.verb === verb && request.at > at,
      )
      // A collection's path is shared by all that create in it.
      if (next !== undefined && verb !== 'create')
        expect(next.at - at, `${verb} ${path}`).toBeGreaterThan(retryAfter * 1_000 - 50)
    }
    await cluster.witness.look()
  }, 120_000)
})
