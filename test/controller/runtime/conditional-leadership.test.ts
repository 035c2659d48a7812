import { describe, expect, it, onTestFinished } from 'vitest'
import {
  ConditionalLeadership,
  type ConditionalLeadershipOptions,
} from '../../../src/controller/runtime/conditional-leadership.ts'
import { untilAborted } from '../../../src/time/deadline.ts'
import { eventually } from '../../builders/eventually.ts'

function standing(
  first: boolean,
  term: (signal: AbortSignal) => Promise<void> = untilAborted,
  options: Partial<ConditionalLeadershipOptions> = {},
) {
  const state = { fit: first, terms: 0, serving: 0 }
  const stop = new AbortController()
  const elector = () => ({
    run: async (signal: AbortSignal) => {
      state.terms += 1
      state.serving += 1
      await term(signal).finally(() => (state.serving -= 1))
    },
  })
  const leadership = new ConditionalLeadership({
    elector,
    unfit: () => (state.fit ? undefined : 'unfit'),
    everyMs: 5,
    ...options,
  })
  const running = leadership.run(stop.signal)
  onTestFinished(() => stop.abort())
  return { state, stop, running }
}

describe('a leadership that depends on being fit', () => {
  it('is not stood for while unfit, given up when that begins, and stood for anew when it ends', async () => {
    const { state, stop, running } = standing(false)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(state.terms).toBe(0)
    for (let term = 1; term <= 3; term += 1) {
      state.fit = true
      await eventually(() => expect(state).toMatchObject({ terms: term, serving: 1 }))
      state.fit = false
      await eventually(() => expect(state.serving).toBe(0))
    }
    state.fit = true
    await eventually(() => expect(state.serving).toBe(1))
    stop.abort()
    await running
    expect(state.serving).toBe(0)
  })

  it('is given up as soon as the replica reports unfitness, without waiting for the next check', async () => {
    const listeners = new Set<() => void>()
    const onUnfit = (listener: () => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    }
    const aborted: number[] = []
    const term = async (signal: AbortSignal) => {
      signal.addEventListener('abort', () => aborted.push(performance.now()))
      await untilAborted(signal)
    }
    const { state, stop, running } = standing(true, term, { everyMs: 60_000, onUnfit })
    await eventually(() => expect(state.serving).toBe(1))
    for (const listener of listeners) listener()
    expect(aborted).toHaveLength(1)
    await eventually(() => expect(state.terms).toBe(2))
    expect(listeners.size).toBe(1)
    stop.abort()
    await running
    expect(listeners.size).toBe(0)
  })

  it('ends at once when stopped while unfit', async () => {
    const { stop, running } = standing(false)
    stop.abort()
    await expect(running).resolves.toBeUndefined()
  })

  it('fails with a term that fails, and ends with one that ends unexpectedly', async () => {
    await expect(standing(true, () => Promise.reject(new Error('lost'))).running).rejects.toThrow('lost')
    await expect(standing(true, () => Promise.resolve()).running).resolves.toBeUndefined()
  })
})
