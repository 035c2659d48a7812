import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Priority, WorkQueue } from '../../../src/controller/runtime/workqueue.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = new AbortController().signal

/** Takes what is ready, without waiting. */
async function take(queue: WorkQueue): Promise<string | undefined> {
  return queue.depth === 0 ? undefined : queue.get(never)
}
async function drain(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = []
  for (let key = await take(queue); key !== undefined; key = await take(queue)) keys.push(key)
  return keys
}

describe('a work queue', () => {
  it('holds a key once, however often it was added', async () => {
    const queue = new WorkQueue()
    for (const key of ['a', 'b', 'a']) queue.add(key)
    expect(queue.depth).toBe(2)
    expect(await drain(queue)).toEqual(['a', 'b'])
  })

  it('never hands out a key that is being worked on, and hands it out again at done if it was added meanwhile', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    expect(await take(queue)).toBe('a')
    queue.add('a')
    queue.add('a')
    expect(queue.depth).toBe(0)
    queue.done('a')
    expect(await drain(queue)).toEqual(['a'])
    queue.done('a')
    expect(queue).toMatchObject({ depth: 0, active: 0 })
  })

  it('ignores done for a key that nobody works on', () => {
    const queue = new WorkQueue()
    queue.add('a')
    queue.done('a')
    expect(queue.depth).toBe(1)
  })

  it('gives keys to those who wait, in the order they came', async () => {
    const queue = new WorkQueue()
    const waiting = [queue.get(never), queue.get(never)]
    for (const key of ['a', 'b', 'c']) queue.add(key)
    expect(await Promise.all(waiting)).toEqual(['a', 'b'])
    expect(queue.depth).toBe(1)
  })

  it('gives undefined once the signal is aborted, and loses no key over it', async () => {
    const queue = new WorkQueue()
    const stop = new AbortController()
    const waiting = queue.get(stop.signal)
    stop.abort()
    expect(await waiting).toBeUndefined()
    queue.add('a')
    expect(await queue.get(stop.signal)).toBeUndefined()
    expect(await drain(queue)).toEqual(['a'])
  })

  it('hands out high before low, without starving the low; a key only ever rises', async () => {
    const queue = new WorkQueue()
    for (const key of ['x', 'y']) queue.add(key, { priority: 'low' })
    queue.add('y')
    queue.add('a')
    queue.add('a', { priority: 'low' })
    expect(await drain(queue)).toEqual(['y', 'a', 'x'])
    const busy = new WorkQueue()
    busy.add('low', { priority: 'low' })
    for (let index = 0; index < 20; index++) busy.add(`h${index}`)
    expect((await drain(busy)).indexOf('low')).toBe(7)
  })

  it('keeps the higher priority of a key that was added while worked on', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    await take(queue)
    queue.add('a', { priority: 'low' })
    queue.add('a')
    queue.add('b', { priority: 'low' })
    queue.done('a')
    expect(await drain(queue)).toEqual(['a', 'b'])
  })
})

describe('a delayed key', () => {
  it('comes when its time has come, and the earlier of two times wins', async () => {
    const queue = new WorkQueue()
    queue.addAfter('a', 1_000)
    queue.addAfter('a', 500)
    queue.addAfter('a', 2_000)
    queue.addAfter('b', 700)
    expect(queue.delayed).toBe(2)
    await vi.advanceTimersByTimeAsync(499)
    expect(queue.depth).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(await drain(queue)).toEqual(['a'])
    queue.done('a')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await drain(queue)).toEqual(['b'])
    expect(queue.delayed).toBe(0)
  })

  it('comes at once where there is no delay', async () => {
    const queue = new WorkQueue()
    for (const [key, ms] of [
      ['a', 0],
      ['b', -5],
      ['c', Number.NaN],
    ] as const)
      queue.addAfter(key, ms)
    expect(await drain(queue)).toEqual(['a', 'b', 'c'])
  })

  it('needs one timer, however many wait, and none when nobody does', async () => {
    const queue = new WorkQueue()
    for (let index = 0; index < 10_000; index++) queue.addAfter(`k${index}`, 1 + ((index * 7919) % 10_000))
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(10_001)
    expect(queue.depth).toBe(10_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may wait longer than a timer can', async () => {
    const queue = new WorkQueue()
    queue.addAfter('a', 2 ** 31 + 60_000)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(queue.depth).toBe(0)
    await vi.advanceTimersByTimeAsync(2 ** 31 - 1)
    expect(queue.depth).toBe(0)
    await vi.advanceTimersByTimeAsync(2)
    expect(queue.depth).toBe(1)
  })

  it('comes soon after a machine has slept past its time', async () => {
    let slept = 0
    const queue = new WorkQueue({ clock: { now: () => Date.now() + slept, monotonic: () => performance.now() } })
    queue.addAfter('a', 3_600_000)
    await vi.advanceTimersByTimeAsync(60_000)
    slept = 3_600_000
    await vi.advanceTimersByTimeAsync(30_000)
    expect(queue.depth).toBe(1)
  })

  it('is not hastened or held up by a wall clock that is set back', async () => {
    let set = 0
    const queue = new WorkQueue({ clock: { now: () => Date.now() + set, monotonic: () => performance.now() } })
    queue.addAfter('a', 100_000)
    set = -86_400_000
    await vi.advanceTimersByTimeAsync(99_999)
    expect(queue.depth).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(queue.depth).toBe(1)
  })
})

describe('a key that fails', () => {
  it('waits 5 ms at first, twice as long each time, half a minute at most, and starts anew when forgotten', async () => {
    const queue = new WorkQueue()
    const waits: number[] = []
    for (let failure = 0; failure < 18; failure++) {
      const startedAt = performance.now()
      queue.addRateLimited('a')
      while (queue.depth === 0) await vi.advanceTimersToNextTimerAsync()
      waits.push(Math.round(performance.now() - startedAt))
      queue.done((await take(queue)) ?? '')
    }
    expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40])
    expect(waits.at(-1)).toBe(30_000)
    expect(queue.failures('a')).toBe(18)
    queue.forget('a')
    queue.addRateLimited('a')
    await vi.advanceTimersByTimeAsync(5)
    expect(queue.depth).toBe(1)
  })
})

/** client-go's queue in the words of its documentation: lists searched from the front, nothing clever. */
class Model {
  ready: { key: string; priority: Priority }[] = []
  processing: string[] = []
  again: { key: string; priority: Priority }[] = []
  delayed: { key: string; at: number }[] = []
  taken = 0

  add(key: string, priority: Priority) {
    const waiting = this.processing.includes(key) ? this.again : this.ready
    const known = waiting.find((one) => one.key === key)
    if (known === undefined) waiting.push({ key, priority })
    else if (known.priority === 'low' && priority === 'high') {
      waiting.splice(waiting.indexOf(known), 1)
      waiting.push({ key, priority })
    }
  }

  addAfter(key: string, ms: number, now: number) {
    if (ms <= 0) {
      this.add(key, 'high')
      return
    }
    const known = this.delayed.find((one) => one.key === key)
    if (known === undefined) this.delayed.push({ key, at: now + ms })
    else known.at = Math.min(known.at, now + ms)
  }

  pass(now: number) {
    const due = this.delayed.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)
    this.delayed = this.delayed.filter(({ at }) => at > now)
    for (const { key } of due) this.add(key, 'high')
  }

  take(): string | undefined {
    const lowFirst = this.taken % 8 === 7
    const order: Priority[] = lowFirst ? ['low', 'high'] : ['high', 'low']
    const next = order.map((wanted) => this.ready.find(({ priority }) => priority === wanted)).find(Boolean)
    if (next === undefined) return undefined
    this.ready.splice(this.ready.indexOf(next), 1)
    this.processing.push(next.key)
    this.taken++
    return next.key
  }

  done(key: string) {
    if (!this.processing.includes(key)) return
    this.processing.splice(this.processing.indexOf(key), 1)
    const next = this.again.find((one) => one.key === key)
    if (next === undefined) return
    this.again.splice(this.again.indexOf(next), 1)
    this.add(key, next.priority)
  }
}

type Step =
  | { readonly op: 'add'; readonly key: string; readonly priority: Priority }
  | { readonly op: 'after'; readonly key: string; readonly ms: number }
  | { readonly op: 'pass'; readonly ms: number }
  | { readonly op: 'take' }
  | { readonly op: 'done'; readonly key: string }

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ op: fc.constant('add' as const), key, priority: fc.constantFrom<Priority>('high', 'low') }),
  // Different times, as the order of equal ones is nobody's promise.
  fc.record({ op: fc.constant('after' as const), key, ms: fc.integer({ min: -1, max: 100 }) }),
  fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ op: fc.constant('take' as const) }),
  fc.record({ op: fc.constant('done' as const), key }),
)

describe('a work queue and its model', () => {
  it('agree after any steps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const queue = new WorkQueue()
        const model = new Model()
        let fraction = 0
        for (const one of steps) {
          if (one.op === 'add') {
            queue.add(one.key, { priority: one.priority })
            model.add(one.key, one.priority)
          } else if (one.op === 'after') {
            // A millionth apart, so that no two are due at the same time.
            const ms = one.ms > 0 ? one.ms - fraction++ * 1e-6 : one.ms
            queue.addAfter(one.key, ms)
            model.addAfter(one.key, ms, performance.now())
          } else if (one.op === 'pass') {
            await vi.advanceTimersByTimeAsync(one.ms)
            model.pass(performance.now())
          } else if (one.op === 'take') {
            expect(await take(queue)).toBe(model.take())
          } else {
            queue.done(one.key)
            model.done(one.key)
          }
          expect([queue.depth, queue.active, queue.delayed]).toEqual([
            model.ready.length,
            model.processing.length,
            model.delayed.length,
          ])
        }
        vi.clearAllTimers()
      }),
      { numRuns: 300 },
    )
  })
})
