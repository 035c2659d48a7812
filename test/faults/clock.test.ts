import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../src/cli/settings/setting.ts'
import { controllerSettings } from '../../src/cli/commands/controller/settings.ts'
import { runController } from '../../src/cli/commands/controller/controller.ts'
import { DAY, HOUR } from '../../src/time/duration.ts'
import { rotateKeyAnnotation } from '../../src/identity/workload.ts'
import type { Lease } from '../../src/kube/leader-election/lease-record.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { buildTimeout } from '../chart/helm.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { SkewedClock } from '../fakes/skewed-clock.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

/** `signet controller` in this process, so that its clock can be set wrong. */
interface Replica {
  readonly name: string
  readonly clock: SkewedClock
  readonly metric: (name: string) => Promise<number>
  readonly readiness: () => Promise<string>
  readonly stop: () => Promise<void>
}

let cluster: FaultCluster
const replicas: Replica[] = []

async function replica(name: string): Promise<Replica> {
  const clock = new SkewedClock()
  const [metricsPort = 0, probePort = 0] = await freePorts(2)
  const flags = {
    logLevel: 'silent',
    namespace: 'signet-system',
    kubeconfig: cluster.proxy.kubeconfig,
    identity: name,
    metricsPort: String(metricsPort),
    probePort: String(probePort),
  }
  const stop = new AbortController()
  const running = runController(readSettings(controllerSettings, flags, {}), stop.signal, clock)
  const started: Replica = {
    name,
    clock,
    metric: async (metric) => {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${metric} `))
          ?.split(' ')[1],
      )
    },
    readiness: async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).text(),
    stop: async () => {
      stop.abort()
      await running
    },
  }
  replicas.push(started)
  return started
}

const leaders = async () => {
  const leading = await Promise.all(replicas.map((one) => one.metric('signet_leader').catch(() => 0)))
  return replicas.filter((_, index) => leading[index] === 1).map(({ name }) => name)
}
const holder = async () => {
  const lease = await cluster.client.get<Lease>(resources.leases, {
    namespace: 'signet-system',
    name: 'signet-controller',
  })
  return lease?.spec?.holderIdentity?.split('_')[0]
}
const led = (by: string) => cluster.eventually(`${by} to lead`, 30_000, async () => (await leaders()).join() === by)
const names = ['orders', 'payments']
/** What a wrong clock must not change: rings, public keys, tokens. */
const state = async () => {
  const { rings, keys, tokens } = await cluster.witness.look()
  return JSON.stringify([[...rings], [...keys], [...tokens]])
}

beforeAll(async () => {
  cluster = await FaultCluster.start()
  const a = await replica('a')
  await led('a')
  await replica('b')
  for (const name of names) {
    await cluster.apply(name, {
      tokens: [{ name: 'a', lifetime: '1h' }],
      signingKey: { rotationPeriod: '2h', publishAhead: '30s' },
    })
  }
  await cluster.ready(names)
  // A retired key, which a clock an hour ahead would be tempted to remove, and a published one to activate.
  for (const name of names) await annotate(name, '1')
  await cluster.eventually('a rotation', 60_000, async () => {
    const { rings } = await cluster.witness.look()
    return [...rings.values()].every(({ slots }) => slots.some(({ state }) => state === 'Retired'))
  })
  expect(await a.metric('signet_clock_offset_seconds')).toBeLessThan(2)
}, buildTimeout)
afterEach(() => {
  for (const { clock } of replicas) clock.ahead = 0
  cluster.proxy.dateAhead = 0
})
afterAll(async () => {
  for (const one of replicas) await one.stop()
  await cluster.stop()
})

const annotate = (name: string, value: string) =>
  cluster.client.patch(
    resources.serviceIdentities,
    { namespace: 'shop', name },
    { metadata: { annotations: { [rotateKeyAnnotation]: value } } },
    { type: 'merge' },
  )

describe('a clock that is wrong', () => {
  it.each([
    ['an hour ahead', HOUR],
    ['an hour behind', -HOUR],
    ['a year ahead', 365 * DAY],
  ])(
    'I1, I4: on the leader, by %s, costs it the leadership; nothing is minted, activated or removed by it',
    async (_, jump) => {
      const [name = ''] = await leaders()
      const wrong = replicas.find((one) => one.name === name)
      const sane = replicas.find((one) => one.name !== name)
      if (wrong === undefined || sane === undefined) throw new Error('no leader')
      const before = await state()
      wrong.clock.ahead = jump
      // Something to do at once, so that it is not idleness that saves us.
      for (const each of names)
        await cluster.client.patch(
          resources.serviceIdentities,
          { namespace: 'shop', name: each },
          { metadata: { annotations: { 'example.com/look': `${jump}` } } },
          { type: 'merge' },
        )
      const started = performance.now()
      await led(sane.name)
      report(`clock of the leader ${jump / HOUR} h off`, { saneLeaderAfter: secondsSince(started) })
      expect(await holder()).toBe(sane.name)
      await cluster.holds(5_000, 250)
      expect(await state()).toBe(before)
      expect(Math.abs((await wrong.metric('signet_clock_offset_seconds')) - jump / 1_000)).toBeLessThanOrEqual(2)
      expect(await wrong.readiness()).toContain('clock')
      await cluster.apply('served', { tokens: [{ name: 'a', audience: `during-${jump}` }] })
      await cluster.ready(['served'], 10_000)
      wrong.clock.ahead = 0
      await cluster.eventually(
        'it to be ready again',
        10_000,
        async () => !(await wrong.readiness()).includes('differ'),
      )
    },
    120_000,
  )

  it('I1, I4: which both replicas agree on against the API server, decides nothing either, and they resume by themselves', async () => {
    const before = await state()
    for (const { clock } of replicas) clock.ahead = 3 * HOUR
    for (const name of names) await annotate(name, 'not-now')
    await cluster.eventually('nobody to lead', 20_000, async () => (await leaders()).length === 0)
    await cluster.holds(10_000, 500)
    expect(await state()).toBe(before)
    for (const { clock } of replicas) clock.ahead = 0
    const started = performance.now()
    await cluster.eventually('a leader', 30_000, async () => (await leaders()).length === 1)
    await cluster.eventually('the rotation that was asked for', 60_000, async () => {
      const { rings } = await cluster.witness.look()
      return names.every((name) => (rings.get(`signet-keys.shop.${name}`)?.slots.length ?? 0) === 3)
    })
    report('clocks of both replicas 3 h off', { resumedAfter: secondsSince(started) })
    await cluster.ready(names)
  }, 180_000)

  it('which is the API server’s own decides nothing either', async () => {
    cluster.proxy.dateAhead = -2 * HOUR
    await cluster.eventually('nobody to lead', 60_000, async () => (await leaders()).length === 0)
    const before = await state()
    await cluster.holds(10_000, 500)
    expect(await state()).toBe(before)
    cluster.proxy.dateAhead = 0
    const started = performance.now()
    await cluster.eventually('a leader', 60_000, async () => (await leaders()).length === 1)
    report('clock of the API server 2 h off', { resumedAfter: secondsSince(started) })
    await cluster.ready(names)
    await cluster.witness.look()
  }, 180_000)
})
