import { describe, expect, it, onTestFinished } from 'vitest'
import { ControllerLoop, type ControllerLoopOptions } from '../../../src/controller/runtime/controller-loop.ts'
import type { Reconcile } from '../../../src/controller/runtime/reconcile.ts'
import { WorkQueue } from '../../../src/controller/runtime/workqueue.ts'
import { KubeError } from '../../../src/kube/client/api-errors.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { eventually } from '../../builders/eventually.ts'
import { recordingLogger } from '../../fakes/api-server-fixture.ts'

function looping(reconcile: Reconcile, options: Partial<ControllerLoopOptions> = {}) {
  const queue = new WorkQueue()
  const outcomes: string[] = []
  const logger = recordingLogger()
  const onReconcile: ControllerLoopOptions['onReconcile'] = ({ controller, result }) =>
    outcomes.push(`${controller} ${result}`)
  const loop = new ControllerLoop({ name: 'test', queue, reconcile, logger, onReconcile, ...options })
  const stop = new AbortController()
  const running = loop.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  return { queue, outcomes, logger, stop, running }
}

describe('a controller loop', () => {
  it('reconciles what is added, and forgets its failures on success', async () => {
    let failures = 3
    const { queue, outcomes } = looping(async () => {
      if (failures-- > 0) throw new Error('not yet')
    })
    queue.add('shop/orders')
    await eventually(() => expect(outcomes).toEqual(['test error', 'test error', 'test error', 'test success']))
    expect(queue.failures('shop/orders')).toBe(0)
  })

  it('takes first what was under way when it was stopped, if it is run again', async () => {
    const seen: string[] = []
    const queue = new WorkQueue()
    const reconcile: Reconcile = async (key, signal) => {
      seen.push(key)
      if (seen.length === 1)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error())))
    }
    const loop = new ControllerLoop({ name: 'test', queue, reconcile, workers: 1 })
    const [first, second] = [new AbortController(), new AbortController()]
    queue.add('shop/orders')
    const running = loop.run(first.signal)
    await eventually(() => expect(seen).toEqual(['shop/orders']))
    first.abort()
    await running
    const again = loop.run(second.signal)
    await eventually(() => expect(seen).toEqual(['shop/orders', 'shop/orders']))
    second.abort()
    await again
  })

  it('stays away as long as the API server asks, but never more than a minute', async () => {
    const delays: number[] = []
    const queue = new WorkQueue()
    queue.addAfter = (_key, ms) => void delays.push(ms)
    const about = { verb: 'update', resource: resources.secrets, status: 429, reason: 'TooManyRequests' }
    const asked = [7_000, 3_600_000]
    const reconcile: Reconcile = () => Promise.reject(new KubeError({ ...about, retryAfterMs: asked.shift() }))
    const loop = new ControllerLoop({ name: 'test', queue, reconcile, workers: 1 })
    const stop = new AbortController()
    const running = loop.run(stop.signal)
    for (const key of ['a', 'b', 'c']) queue.add(key)
    await eventually(() => expect(delays).toEqual([7_000, 60_000, 5]))
    stop.abort()
    await running
  })

  it('lets others have their turn between runs that wait for nothing', async () => {
    let runs = 0
    const { queue } = looping(
      async () => {
        runs++
      },
      { workers: 2 },
    )
    for (let index = 0; index < 1000; index++) queue.add(String(index))
    await new Promise((resolve) => setTimeout(resolve, 0))
    expect(runs).toBeLessThan(1000)
    await eventually(() => expect(runs).toBe(1000))
  })

  it('comes back when asked to', async () => {
    let runs = 0
    const { queue, outcomes } = looping(async () => (++runs < 3 ? { requeueAfterMs: 5 } : undefined))
    queue.add('a')
    await eventually(() => expect(outcomes).toEqual(['test requeue', 'test requeue', 'test success']))
  })

  it('works on several keys at a time, never twice on one', async () => {
    const active = new Map<string, number>()
    let most = 0
    const { queue, outcomes } = looping(
      async (key) => {
        active.set(key, (active.get(key) ?? 0) + 1)
        expect(active.get(key)).toBe(1)
        most = Math.max(
          most,
          [...active.values()].reduce((a, b) => a + b),
        )
        await new Promise((resolve) => setTimeout(resolve, 5))
        active.set(key, 0)
      },
      { workers: 3 },
    )
    for (let round = 0; round < 5; round++) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key)
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    await eventually(() => expect([queue.depth, queue.active]).toEqual([0, 0]))
    expect(most).toBe(3)
    expect(outcomes.every((outcome) => outcome === 'test success')).toBe(true)
  })

  it('aborts a run at its deadline, and tries again', async () => {
    let runs = 0
    const reconcile: Reconcile = (_, signal) => {
      if (++runs > 1) return Promise.resolve(undefined)
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    }
    const { queue, outcomes } = looping(reconcile, { deadlineMs: 20 })
    queue.add('a')
    await eventually(() => expect(outcomes).toEqual(['test timeout', 'test success']))
  })

  it('tries again quietly after a conflict, and says so of everything else', async () => {
    const conflict = new KubeError({ verb: 'update', resource: resources.secrets, status: 409, reason: 'Conflict' })
    const errors = [conflict, new Error('cluster at fault')]
    const { queue, outcomes, logger } = looping(async () => {
      const error = errors.shift()
      if (error) throw error
    })
    queue.add('a')
    await eventually(() => expect(outcomes).toHaveLength(3))
    expect(logger.lines.map((line) => line.split(' ')[0])).toEqual(['debug', 'warn'])
  })

  it.each(['Conflict', 'AlreadyExists'])('warns where %s repeats five times', async (reason) => {
    let failures = 6
    const { queue, outcomes, logger } = looping(async () => {
      if (failures-- > 0) throw new KubeError({ verb: 'create', resource: resources.secrets, status: 409, reason })
    })
    queue.add('a')
    await eventually(() => expect(outcomes).toHaveLength(7))
    const levels = logger.lines.map((line) => line.split(' ')[0])
    expect(levels).toEqual(['debug', 'debug', 'debug', 'debug', 'warn', 'warn'])
  })

  it('aborts runs when it is stopped, waits for their end, and does not call that a failure', async () => {
    let ended = false
    const { queue, outcomes, logger, stop, running } = looping(async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      await new Promise((resolve) => setTimeout(resolve, 20))
      ended = true
      throw new Error('cut short')
    })
    queue.add('a')
    await eventually(() => expect(queue.active).toBe(1))
    stop.abort()
    await running
    expect(ended).toBe(true)
    expect([outcomes, logger.lines, queue.delayed]).toEqual([[], [], 0])
  })
})
