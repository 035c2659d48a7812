import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import { LeaderElector } from '../../../src/kube/leader-election/leader-elector.ts'
import { createMemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** What befalls one request: how long until the server acts, whether it does, how long until the answer, if any. */
interface Fate {
  readonly before: number
  readonly acts: boolean
  readonly after: number
  readonly answer: 'comes' | 'lost' | 'error'
}

const milliseconds = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 50 }) },
  fc.integer({ min: 0, max: 25_000 }),
)
const fate: fc.Arbitrary<Fate> = fc.record({
  before: milliseconds,
  acts: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.constant(false)),
  after: milliseconds,
  answer: fc.oneof(
    { weight: 8, arbitrary: fc.constant('comes' as const) },
    fc.constant('lost' as const),
    fc.constant('error' as const),
  ),
})
const elector = fc.record({
  fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
  /** How wrong the wall clock is, and where the monotonic one began. */
  wall: fc.integer({ min: -3_600_000, max: 3_600_000 }),
  monotonic: fc.integer({ min: 0, max: 1_000_000 }),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
  stopAt: fc.integer({ min: 0, max: 240_000 }),
})

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A client whose requests may reach the server long after their sender has given up, or never. */
function unreliable(client: KubeClient, fates: readonly Fate[]): KubeClient {
  let count = 0
  const suffer = async <T>(call: () => Promise<T>): Promise<T> => {
    const { before, acts, after, answer } = fates[count++ % fates.length]!
    await sleep(before)
    if (!acts) throw new Error('did not arrive')
    const result = await call()
    await sleep(after)
    if (answer === 'lost') return new Promise(() => undefined)
    if (answer === 'error') throw new Error('answer was lost')
    return result
  }
  return {
    ...client,
    get: (resource, ref) => suffer(() => client.get(resource, ref)),
    create: (resource, object) => suffer(() => client.create(resource, object)),
    replace: (resource, object) => suffer(() => client.replace(resource, object)),
  }
}

describe('two and more electors', () => {
  it('never lead at the same time, whatever befalls their requests and however wrong their clocks are', async () => {
    let everLed = 0
    await fc.assert(
      fc.asyncProperty(fc.array(elector, { minLength: 2, maxLength: 3 }), async (settings) => {
        const server = createMemoryKubeClient()
        const leading = new Set<number>()
        const together: number[][] = []
        const stops = settings.map(() => new AbortController())
        const electors = settings.map(({ fates, wall, monotonic, random }, index) => {
          const clock = { now: () => Date.now() + wall, monotonic: () => performance.now() + monotonic }
          return new LeaderElector({
            client: unreliable(server, fates),
            namespace: 'signet-system',
            name: 'signet-controller',
            identity: `e${index}`,
            clock,
            random: () => random,
            onStartedLeading: async (signal) => {
              leading.add(index)
              everLed++
              if (leading.size > 1) together.push([...leading])
              await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
              leading.delete(index)
            },
          })
        })
        const runs = electors.map((one, index) => one.run(stops[index]!.signal).catch(() => undefined))
        settings.forEach(({ stopAt }, index) => setTimeout(() => stops[index]?.abort(), stopAt))
        for (let time = 0; time < 240_000; time += 500) {
          await vi.advanceTimersByTimeAsync(500)
          const leaders = electors.flatMap(({ isLeader }, index) => (isLeader ? [index] : []))
          if (leaders.length > 1) together.push(leaders)
        }
        await vi.advanceTimersByTimeAsync(60_000)
        await Promise.all(runs)
        vi.clearAllTimers()
        expect(together).toEqual([])
      }),
      { numRuns: 300, endOnFailure: true },
    )
    // The property is not true for want of leaders.
    expect(everLed).toBeGreaterThan(200)
  }, 300_000)
})
