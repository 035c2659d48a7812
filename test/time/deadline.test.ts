import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { longestTimer, pause, settles, untilAborted, withDeadline } from '../../src/time/deadline.ts'

const forever = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))

describe('withDeadline', () => {
  it('gives the work’s outcome and leaves no listener behind', async () => {
    const { signal } = new AbortController()
    for (let round = 0; round < 20; round++) expect(await withDeadline(1_000, signal, async () => 7)).toBe(7)
    await expect(withDeadline(1_000, signal, () => Promise.reject(new Error('work at fault')))).rejects.toThrow(
      'work at fault',
    )
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('aborts at the deadline with an error of its own', async () => {
    await expect(withDeadline(5, undefined, forever)).rejects.toMatchObject({ code: 'ERR_DEADLINE' })
  })

  it('passes on the caller’s abort with its reason, at once if that came before', async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    const work = withDeadline(10_000, stop.signal, forever)
    stop.abort(reason)
    await expect(work).rejects.toBe(reason)
    await expect(withDeadline(10_000, stop.signal, async () => 7)).rejects.toBe(reason)
  })

  it('takes a time longer than a timer can', async () => {
    expect(await withDeadline(longestTimer * 4, undefined, async (signal) => signal.aborted)).toBe(false)
  })
})

describe('pause', () => {
  it('ends when its time is over or the signal is aborted', async () => {
    const stop = new AbortController()
    await pause(1, stop.signal)
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0)
    const waiting = pause(60_000, stop.signal)
    stop.abort('why')
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'why' })
    await expect(pause(60_000, stop.signal)).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(untilAborted(stop.signal)).resolves.toBeUndefined()
  })
})

describe('settles', () => {
  it('tells whether work ends in time, well or badly', async () => {
    expect(await settles(Promise.resolve(), 1_000)).toBe(true)
    expect(await settles(Promise.reject(new Error('x')), 1_000)).toBe(true)
    expect(await settles(new Promise(() => undefined), 5)).toBe(false)
  })
})
