import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ControllerProcess } from '../apiserver/controller-process.ts'
import { rotateKeyAnnotation } from '../../src/identity/workload.ts'
import { buildTimeout } from '../chart/helm.ts'
import { FaultCluster, report } from './fault-cluster.ts'

let cluster: FaultCluster

beforeAll(async () => {
  cluster = await FaultCluster.start()
  // So that the trust domain's own objects are there, and every write from now on is one of the identity's life.
  await standingBy(await cluster.controller())
  await cluster.apply('bystander')
  await cluster.ready(['bystander'])
}, buildTimeout)
afterAll(() => cluster.stop())

const ignored = new Set(['leases', 'events'])
const reading = new Set(['get', 'list', 'watch'])
const spec = { tokens: [{ name: 'a', lifetime: '15m' }], signingKey: { rotationPeriod: '24h', publishAhead: '30s' } }

/** Has listed all that it watches, and knows the webhooks to be in order. */
async function standingBy(controller: ControllerProcess): Promise<ControllerProcess> {
  const ready = () => fetch(`http://127.0.0.1:${controller.probePort}/readyz`)
  await cluster.eventually('a replica to be ready', 60_000, async () => (await ready()).ok)
  return controller
}

/** Longest time without a leader: the lease, and five seconds. */
const takeoverLimit = 20

interface Kill {
  readonly step: string
  /** Milliseconds since the epoch, as the log has them. */
  readonly at: number
}

describe('a leader that is killed', () => {
  it('I1, I4, I10: after every single write from the creation of an identity to the end of a rotation leaves what the next one can go on with', async () => {
    const kills: Kill[] = []
    const killLeader = async (step: string): Promise<void> => {
      // Its own word may come a moment after its write.
      while (cluster.leader() === undefined) await sleep(10)
      cluster.leader()?.child.kill('SIGKILL')
      kills.push({ step, at: Date.now() })
    }
    // Two stand by, so that one is there whenever the leader falls.
    const reserves = () => cluster.controllers.filter((one) => isAlive(one) && one.count('leading') === 0)
    const replenish = async () => {
      while (reserves().length < 2) await standingBy(await cluster.controller())
    }
    await replenish()
    // The write is done, its answer never read: this is where the next write would have followed.
    cluster.proxy.fault = ({ verb, resource }) =>
      reading.has(verb) || ignored.has(resource)
        ? undefined
        : { afterCommit: 'hang', then: () => void killLeader(`${verb} ${resource}`) }
    await cluster.apply('orders', spec)
    let rotating = false
    for (let quietSince = Date.now(); Date.now() - quietSince < 10_000;) {
      await sleep(100)
      const before = kills.length
      await replenish()
      await cluster.witness.look()
      if (!rotating && (await cluster.condition('orders'))?.status === 'True') {
        rotating = true
        await cluster.apply('orders', spec, 'shop', { [rotateKeyAnnotation]: 'now' })
      }
      if (kills.length > before || cluster.leader() === undefined || !(await isRotated())) quietSince = Date.now()
    }
    cluster.proxy.fault = () => undefined
    const leading = cluster.controllers
      .flatMap(({ lines }) => lines.filter(({ message }) => message === 'leading'))
      .map(({ time }) => Date.parse(String(time)))
      .sort((a, b) => a - b)
    const takeovers = kills.map(({ at }) => ((leading.find((time) => time > at) ?? Number.NaN) - at) / 1_000)
    const steps = kills.map(({ step }) => step)
    report('leader killed after each write', {
      kills: kills.length,
      longestTakeover: Math.max(...takeovers),
      steps: steps.join(', '),
    })
    await cluster.ready(['orders', 'bystander'])
    const { rings, keys } = await cluster.witness.look()
    const slots = rings.get('signet-keys.shop.orders')?.slots ?? []
    expect(slots.map(({ state }) => state)).toEqual(['Retired', 'Active'])
    expect(slots.every(({ keyID }) => keys.has(keyID))).toBe(true)
    // Ring, public keys, Secret, status; then the successor, its public half, its publication, its activation, status.
    expect(steps.length).toBeGreaterThanOrEqual(8)
    expect(Math.max(...takeovers)).toBeLessThanOrEqual(takeoverLimit)
  }, 900_000)
})

const isAlive = ({ child }: ControllerProcess) => child.exitCode === null && child.signalCode === null

/** Both keys are where a finished rotation leaves them, and the status says so. */
async function isRotated(): Promise<boolean> {
  const { status } = (await cluster.identity('orders')) ?? {}
  return status?.keys?.map(({ state }) => state).join() === 'Retired,Active'
}
