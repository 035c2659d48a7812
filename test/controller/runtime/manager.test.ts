import { describe, expect, it } from 'vitest'
import { type Controller, Manager, type ManagerOptions, type Source } from '../../../src/controller/runtime/manager.ts'
import { untilAborted } from '../../../src/time/deadline.ts'
import { eventually } from '../../builders/eventually.ts'

/** Notes when it starts and stops. */
function part(log: string[], name: string, stopMs = 0): Controller {
  return {
    name,
    run: async (signal) => {
      log.push(`${name} starts`)
      await untilAborted(signal)
      await new Promise((resolve) => setTimeout(resolve, stopMs))
      log.push(`${name} stops`)
    },
  }
}

function source(log: string[], name = 'source') {
  const ready = Promise.withResolvers<undefined>()
  const synced: Source['synced'] = (signal) =>
    Promise.race([
      ready.promise,
      ...(signal === undefined ? [] : [untilAborted(signal).then(() => Promise.reject(new Error('aborted')))]),
    ])
  return { ...part(log, name), synced, ready: () => ready.resolve(undefined) }
}

function managing(options: ManagerOptions, add: (manager: Manager) => void) {
  const manager = new Manager(options)
  add(manager)
  const stop = new AbortController()
  const outcome: { settled?: unknown } = {}
  const running = manager.run(stop.signal).then(
    () => (outcome.settled = 'resolved'),
    (error: unknown) => (outcome.settled = error),
  )
  return { stop, running, outcome }
}

describe('a manager', () => {
  it('starts sources at once, and controllers once all sources are synced and it leads', async () => {
    const log: string[] = []
    const [first, second] = [source(log, 'first'), source(log, 'second')]
    const lead = Promise.withResolvers<undefined>()
    const elector: ManagerOptions['elector'] = (onStartedLeading) => ({
      run: async (signal) => {
        log.push('stands')
        await lead.promise
        await onStartedLeading(signal)
      },
    })
    const { stop, running, outcome } = managing({ elector }, (manager) => {
      manager.addSource('first', first)
      manager.addSource('second', second)
      manager.addController(part(log, 'leader'))
    })
    await eventually(() => expect(log).toEqual(['first starts', 'second starts']))
    first.ready()
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(log).toHaveLength(2)
    second.ready()
    await eventually(() => expect(log.slice(2)).toEqual(['stands']))
    lead.resolve(undefined)
    await eventually(() => expect(log.at(-1)).toBe('leader starts'))
    stop.abort()
    await running
    expect(outcome.settled).toBe('resolved')
    expect(log.slice(4).sort()).toEqual(['first stops', 'leader stops', 'second stops'])
  })

  it('always leads where there is no elector', async () => {
    const log: string[] = []
    const { stop, running } = managing({}, (manager) => manager.addController(part(log, 'leader')))
    await eventually(() => expect(log).toEqual(['leader starts']))
    stop.abort()
    await running
    expect(log).toEqual(['leader starts', 'leader stops'])
  })

  it('stops everything and rejects when the leadership is lost, after the work has stopped', async () => {
    const log: string[] = []
    const lose = Promise.withResolvers<never>()
    const elector: ManagerOptions['elector'] = (onStartedLeading) => ({
      run: async () => {
        const leading = new AbortController()
        void onStartedLeading(leading.signal)
        await lose.promise.catch((error: unknown) => {
          leading.abort()
          throw error
        })
      },
    })
    const synced = source(log)
    synced.ready()
    const { running, outcome } = managing({ elector }, (manager) => {
      manager.addSource('synced', synced)
      manager.addController(part(log, 'leader', 30))
    })
    await eventually(() => expect(log).toContain('leader starts'))
    const lost = new Error('leadership lost')
    lose.reject(lost)
    await running
    expect(outcome.settled).toBe(lost)
    expect(log).toContain('leader stops')
    expect(log).toContain('source stops')
  })

  it('stops everything and rejects when a part fails', async () => {
    const log: string[] = []
    const fault = new Error('part at fault')
    const { running, outcome } = managing({}, (manager) => {
      manager.addController({ name: 'faulty', run: () => Promise.reject(fault) })
      manager.addController(part(log, 'leader'))
    })
    await running
    expect(outcome.settled).toBe(fault)
    expect(log).toEqual(['leader starts', 'leader stops'])
  })

  it('stops everything and rejects when a first list fails', async () => {
    const log: string[] = []
    const failing = { ...source(log, 'failing'), synced: () => Promise.reject(new Error('no list')) }
    const { running, outcome } = managing({}, (manager) => {
      manager.addSource('good', source(log, 'good'))
      manager.addSource('failing', failing)
      manager.addController(part(log, 'controller'))
    })
    await running
    expect(outcome.settled).toMatchObject({ message: 'no list' })
    expect(log).toEqual(['good starts', 'failing starts', 'good stops', 'failing stops'])
  })

  it('takes a controller or source that ends unexpectedly for a fault, and names it', async () => {
    const controller = managing({}, (manager) => {
      manager.addController(part([], 'endless'))
      manager.addController({ name: 'key-rings', run: () => Promise.resolve() })
    })
    await controller.running
    expect(controller.outcome.settled).toMatchObject({
      code: 'ERR_ENDED',
      message: 'controller "key-rings" ended unexpectedly',
    })
    const watch = managing({}, (manager) =>
      manager.addSource('pods', { run: () => Promise.resolve(), synced: () => Promise.resolve() }),
    )
    await watch.running
    expect(watch.outcome.settled).toMatchObject({ message: 'watch "pods" ended unexpectedly' })
  })

  it('stops while it still waits for its sources', async () => {
    const log: string[] = []
    const { stop, running, outcome } = managing({}, (manager) => {
      manager.addSource('source', source(log))
      manager.addController(part(log, 'leader'))
    })
    await eventually(() => expect(log).toEqual(['source starts']))
    stop.abort()
    await running
    expect(outcome.settled).toBe('resolved')
    expect(log).toEqual(['source starts', 'source stops'])
  })

  it('gives up a stop that takes too long', async () => {
    const log: string[] = []
    const { stop, running, outcome } = managing({ graceMs: 30 }, (manager) =>
      manager.addController(part(log, 'slow', 60_000)),
    )
    await eventually(() => expect(log).toEqual(['slow starts']))
    stop.abort()
    await running
    expect(outcome.settled).toMatchObject({ code: 'ERR_STOP_TIMEOUT' })
  })

  it('does nothing where it is stopped before it starts', async () => {
    const { stop, running, outcome } = managing({}, (manager) => manager.addController(part([], 'never')))
    stop.abort()
    await running
    expect(outcome.settled).toBe('resolved')
  })
})
