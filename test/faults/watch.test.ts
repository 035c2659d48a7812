import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { buildTimeout } from '../chart/helm.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let controller: ControllerProcess

beforeAll(async () => {
  cluster = await FaultCluster.start()
  controller = await cluster.controller()
  await controller.said('leading')
  await cluster.apply('orders')
  await cluster.ready(['orders'])
}, buildTimeout)
afterAll(() => cluster.stop())

const gone = async (name: string) => {
  const { rings } = await cluster.witness.look()
  return !rings.has(`signet-keys.shop.${name}`)
}

describe('a watch', () => {
  it('quiet for three minutes is neither listed anew nor taken for dead', async () => {
    cluster.proxy.requests.length = 0
    const started = performance.now()
    const before = controller.lines.length
    await new Promise((resolve) => setTimeout(resolve, 3 * MINUTE))
    const { requests } = cluster.proxy
    const lists = requests.filter((request) => request.lists)
    const watches = requests.filter(({ verb }) => verb === 'watch')
    report('none (quiet watches)', { seconds: secondsSince(started), watches: watches.length, lists: lists.length })
    expect(lists).toEqual([])
    // Eight of them, each asked for every 30 to 40 s.
    expect(watches.length).toBeGreaterThan(8 * 4)
    expect(watches.length).toBeLessThan(8 * 7)
    expect(controller.lines.slice(before).filter(({ message }) => message.startsWith('watch interrupted'))).toEqual([])
  }, 240_000)

  it.each(['mute', 'stall', 'cut'] as const)(
    'I7: that goes dead (%s) is noticed within 60 s, and no delete is missed',
    async (fault) => {
      const doomed = `doomed-${fault}`
      await cluster.apply(doomed)
      await cluster.ready([doomed])
      // The one that was opened last has the longest to go: the worst case.
      const last = [...cluster.proxy.watches].filter(({ resource }) => resource === 'serviceidentities').at(-1)
      expect(last).toBeDefined()
      for (const watch of cluster.proxy.watches) watch[fault]()
      const started = performance.now()
      await cluster.client.delete(resources.serviceIdentities, { namespace: 'shop', name: doomed })
      await cluster.apply(`born-${fault}`)
      await cluster.ready([`born-${fault}`], 90_000)
      await cluster.eventually('the sweep', 60_000, () => gone(doomed))
      report(`watch ${fault}`, { noticedAfter: secondsSince(started) })
      expect(secondsSince(started)).toBeLessThan(fault === 'cut' ? 10 : 60)
    },
    120_000,
  )

  it('I1, I2: refused with 410 for five minutes costs a list a second at most; due rotations are on time', async () => {
    const lifetime = '5m'
    await cluster.apply('due', {
      signingKey: { rotationPeriod: '1m', publishAhead: '30s' },
      tokens: [{ name: 'a', lifetime }],
    })
    await cluster.ready(['due'])
    const activations = () =>
      controller.lines
        .filter(
          ({ message, identity, change }) =>
            message === 'key changed' && identity === 'shop/due' && change === 'Activated',
        )
        .map(({ time }) => Date.parse(String(time)))
    await cluster.eventually('a first rotation', 90_000, () => Promise.resolve(activations().length === 1))
    cluster.proxy.requests.length = 0
    cluster.proxy.fault = ({ verb }) => (verb === 'watch' ? { status: 410, reason: 'Expired' } : undefined)
    for (const watch of cluster.proxy.watches) watch.cut()
    await cluster.holds(5 * MINUTE, 2_000)
    const { requests } = cluster.proxy
    const lists = requests.filter((request) => request.lists)
    const rotated = activations()
    const gaps = rotated.slice(1).map((time, index) => (time - (rotated[index] ?? time)) / SECOND)
    const doomed = 'lost-in-the-storm'
    await cluster.apply(doomed)
    await cluster.ready([doomed], 40_000)
    await cluster.client.delete(resources.serviceIdentities, { namespace: 'shop', name: doomed })
    cluster.proxy.fault = () => undefined
    const ended = performance.now()
    await cluster.eventually('the sweep', 60_000, () => gone(doomed))
    report('410 for five minutes', {
      lists: lists.length,
      rotations: gaps.join(' s, '),
      sweptAfter: secondsSince(ended),
    })
    for (const path of new Set(lists.map((list) => list.path))) {
      const times = lists.filter((list) => list.path === path).map(({ at }) => at)
      const reflectors = path.endsWith('/secrets') ? 2 : 1
      for (const [index, at] of times.entries()) {
        const within = times.slice(index).filter((later) => later - at < 950).length
        expect(within, `lists of ${path} within a second`).toBeLessThanOrEqual(reflectors)
      }
    }
    // One a minute, the first after the storm began included.
    expect(gaps.length).toBeGreaterThanOrEqual(4)
    expect(Math.max(...gaps)).toBeLessThan(65)
  }, 480_000)
})
