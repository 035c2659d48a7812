import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Refresher, type RefresherOptions } from '../../../src/verifier/sources/refresher.ts'
import { FetchError } from '../../../src/verifier/http/fetch-error.ts'

let running: Refresher[] = []
let failing: Error | undefined
let loads: number[]
const clock = { monotonic: () => Date.now() }

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
  failing = undefined
  loads = []
})

afterEach(() => {
  for (const refresher of running) refresher.close()
  running = []
  vi.useRealTimers()
})

function refresherOf(options: Partial<RefresherOptions> = {}): Refresher {
  const refresher = new Refresher({
    load: async () => {
      loads.push(Date.now())
      if (failing !== undefined) throw failing
    },
    everyMs: 60_000,
    retryMs: 30_000,
    firstRetryMs: 1000,
    clock,
    random: () => 0,
    ...options,
  })
  running.push(refresher)
  return refresher
}

describe('what is kept fresh', () => {
  it('is loaded again and again, a fifth later at most', async () => {
    await refresherOf().refresh()
    await vi.advanceTimersByTimeAsync(180_000)
    expect(loads).toEqual([0, 60_000, 120_000, 180_000])
    loads = []
    vi.setSystemTime(0)
    await refresherOf({ random: () => 0.5 }).refresh()
    running[0]?.close()
    await vi.advanceTimersByTimeAsync(140_000)
    expect(loads).toEqual([0, 66_000, 132_000])
  })

  it('is loaded once for all that ask at a time', async () => {
    const refresher = refresherOf()
    const first = refresher.refresh()
    expect(refresher.loading).toBe(true)
    await Promise.all([first, refresher.refresh(), refresher.refresh()])
    expect(loads).toHaveLength(1)
    expect(refresher.loading).toBe(false)
  })

  it('is tried soon and then ever more rarely while there is nothing', async () => {
    failing = new Error('down')
    const refresher = refresherOf()
    await refresher.refresh()
    await vi.advanceTimersByTimeAsync(100_000)
    expect(loads).toEqual([0, 1000, 3000, 7000, 15_000, 31_000, 61_000, 91_000])
    expect(refresher).toMatchObject({ problem: 'down', ageMs: undefined })
    failing = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    expect(refresher).toMatchObject({ problem: undefined, ageMs: 9000 })
    await refresher.loaded
  })

  it('I5: is kept fresh although its callbacks throw', async () => {
    const broken = (): never => {
      throw new Error('a logger that does not work')
    }
    const refresher = refresherOf({ onFailure: broken, onRecovery: broken })
    failing = new Error('down')
    await refresher.refresh()
    failing = undefined
    await vi.advanceTimersByTimeAsync(61_000)
    expect(loads).toEqual([0, 1000, 61_000])
    expect(refresher.problem).toBeUndefined()
  })

  it('is tried at a steady pace while something is held, whose age is known', async () => {
    const told: string[] = []
    const refresher = refresherOf({
      onFailure: (problem) => void told.push(problem),
      onRecovery: () => void told.push('well'),
    })
    await refresher.refresh()
    failing = new Error('down')
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(loads.slice(1)).toEqual(Array.from({ length: 119 }, (_, index) => 60_000 + index * 30_000))
    expect(refresher.ageMs).toBe(3_600_000)
    failing = undefined
    await vi.advanceTimersByTimeAsync(30_000)
    expect(told).toEqual(['down', 'well'])
    failing = new Error('down again')
    await vi.advanceTimersByTimeAsync(120_000)
    expect(told).toEqual(['down', 'well', 'down again'])
  })

  it('is left alone for as long as the authority asks', async () => {
    const refresher = refresherOf()
    await refresher.refresh()
    failing = new FetchError('ERR_FETCH_STATUS', 'busy', { retryAfterMs: 200_000 })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(refresher.mayLoadAt(30_000)).toBe(260_000)
    await vi.advanceTimersByTimeAsync(199_999)
    expect(loads).toEqual([0, 60_000])
    await vi.advanceTimersByTimeAsync(1)
    expect(loads).toEqual([0, 60_000, 260_000])
  })

  it('may be asked for earlier, never for later', async () => {
    const refresher = refresherOf()
    await refresher.refresh()
    refresher.noLaterThan(90_000)
    refresher.noLaterThan(10_000)
    refresher.noLaterThan(20_000)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(loads).toEqual([0, 10_000])
  })

  it('is loaded no more once it is closed, and a load under way is given up', async () => {
    const signals: AbortSignal[] = []
    const refresher = refresherOf({
      load: (signal) => {
        signals.push(signal)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))))
      },
    })
    const flight = refresher.refresh()
    refresher.close()
    await flight
    await refresher.refresh()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(vi.getTimerCount()).toBe(0)
  })
})
