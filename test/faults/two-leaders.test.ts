import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rotateKeyAnnotation } from '../../src/identity/workload.ts'
import type { Lease } from '../../src/kube/leader-election/lease-record.ts'
import { resources } from '../../src/kube/client/resource.ts'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { buildTimeout } from '../chart/helm.ts'
import { FaultCluster, report, secondsSince } from './fault-cluster.ts'

let cluster: FaultCluster
let first: ControllerProcess

const lease = { namespace: 'signet-system', name: 'signet-controller' }
const names = ['orders', 'payments', 'ledger']
const signingKey = { rotationPeriod: '24h', publishAhead: '30s' }
const spec = { tokens: [{ name: 'a', lifetime: '15m' }], signingKey }

beforeAll(async () => {
  cluster = await FaultCluster.start()
  first = await cluster.controller()
  await first.said('leading')
  for (const name of names) await cluster.apply(name, spec)
  await cluster.ready(names)
}, buildTimeout)
afterAll(() => cluster.stop())

const alive = ({ child }: ControllerProcess) => child.exitCode === null && child.signalCode === null

describe('two leaders', () => {
  it('I4: one paused in the middle of a write and resumed when the other leads gets 409, and ends', async () => {
    const second = await cluster.controller()
    await cluster.eventually(
      'the second to be ready',
      30_000,
      async () => (await fetch(`http://127.0.0.1:${second.probePort}/readyz`)).ok,
    )
    // Its next ring write is held on the way, as by a slow network, until the other has led and written.
    const held: string[] = []
    cluster.proxy.fault = ({ verb, resource, path }) => {
      if (held.length > 0 || verb !== 'update' || resource !== 'secrets' || !path.includes('signet-keys.'))
        return undefined
      held.push(path)
      first.child.kill('SIGSTOP')
      return { hold: takeover.promise }
    }
    const takeover = Promise.withResolvers<undefined>()
    const started = performance.now()
    for (const name of names) await cluster.apply(name, spec, 'shop', { [rotateKeyAnnotation]: '1' })
    await second.said('leading', 30_000)
    const tookOver = secondsSince(started)
    await cluster.eventually('the second to publish successors', 30_000, async () => {
      const { rings } = await cluster.witness.look()
      return [...rings.values()].every(({ slots }) => slots.length === 2)
    })
    const successors = (await cluster.witness.look()).rings
    first.child.kill('SIGCONT')
    takeover.resolve(undefined)
    const written = () => cluster.proxy.requests.find(({ path, verb }) => verb === 'update' && path === held[0])
    await cluster.eventually('the answer to the stale write', 10_000, () =>
      Promise.resolve((written()?.status ?? 0) !== 0),
    )
    expect(written()?.status).toBe(409)
    await cluster.eventually('the first to end', 20_000, () => Promise.resolve(!alive(first)))
    const { rings } = await cluster.witness.look()
    for (const [name, { slots }] of successors) {
      expect(rings.get(name)?.slots.map(({ keyID }) => keyID)).toEqual(slots.map(({ keyID }) => keyID))
    }
    await cluster.eventually('the rotation', 60_000, async () => {
      const now = await cluster.witness.look()
      return [...now.rings.values()].every(({ slots }) => slots.map(({ state }) => state).join() === 'Retired,Active')
    })
    report('leader paused and resumed', { takeover: tookOver, staleWrite: written()?.status ?? 0 })
    await cluster.ready(names)
    first = second
  }, 240_000)

  it('I4: the Lease deleted under a leader ends in one leader and one Active key', async () => {
    const second = await cluster.controller()
    await cluster.eventually(
      'the second to be ready',
      30_000,
      async () => (await fetch(`http://127.0.0.1:${second.probePort}/readyz`)).ok,
    )
    const started = performance.now()
    for (let round = 0; round < 5; round += 1) {
      await cluster.client.delete(resources.leases, lease)
      for (const name of names) await cluster.apply(name, spec, 'shop', { [rotateKeyAnnotation]: `lease-${round}` })
      await cluster.holds(3_000, 250)
    }
    const holder = async () => (await cluster.client.get<Lease>(resources.leases, lease))?.spec?.holderIdentity ?? ''
    await cluster.eventually('a holder', 20_000, async () => (await holder()) !== '')
    await cluster.eventually('a leader that has taken it', 40_000, async () => {
      const leading = await Promise.all([first, second].filter(alive).map((one) => one.metric('signet_leader')))
      return leading.filter((value) => value === 1).length === 1
    })
    await cluster.ready(names)
    await cluster.eventually('one rotation of each', 90_000, async () => {
      const { rings } = await cluster.witness.look()
      return [...rings.values()].every(({ slots }) => slots.every(({ state }) => state !== 'Published'))
    })
    report('Lease deleted five times', {
      settledAfter: secondsSince(started),
      alive: [first, second].filter(alive).length,
    })
  }, 240_000)
})
