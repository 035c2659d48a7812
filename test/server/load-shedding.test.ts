import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { LoadShedder } from '../../src/server/load-shedding.ts'
import { eventually } from '../builders/eventually.ts'

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

describe('LoadShedder', () => {
  it('is over while as much is under way as may be', () => {
    const overload = new LoadShedder({ underWay: 2, delayMs: 60_000 })
    overload.enter()
    expect(overload.isOverloaded()).toBe(false)
    overload.enter()
    expect(overload.isOverloaded()).toBe(true)
    overload.leave()
    expect([overload.isOverloaded(), overload.underWay]).toEqual([false, 1])
    overload.close()
  })

  it('is over once a turn of the event loop takes too long, and no more in the next', async () => {
    const overload = new LoadShedder({ underWay: 10, delayMs: 100 })
    await eventually(() => expect(overload.isOverloaded()).toBe(false))
    block(150)
    expect(overload.isOverloaded()).toBe(true)
    await eventually(async () => {
      await sleep(1)
      expect(overload.isOverloaded()).toBe(false)
    })
    overload.close()
  })
})
