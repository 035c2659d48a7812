import { describe, expect, it } from 'vitest'
import { limitedKeyLookup } from '../../../src/authority/verification/limited-key-lookup.ts'
import type { KeyPresence } from '../../../src/keys/key-lookup.ts'
import { SECOND } from '../../../src/time/duration.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

const orders = { namespace: 'shop', name: 'orders' }

describe('the limits of looks for keys', () => {
  it('lets sixteen look at a time, each by itself; the next one is told that nothing is known', async () => {
    const waiting: PromiseWithResolvers<KeyPresence>[] = []
    const look = limitedKeyLookup(async () => {
      const one = Promise.withResolvers<KeyPresence>()
      waiting.push(one)
      return one.promise
    }, new HeldClock(0))
    const looks = Array.from({ length: 16 }, () => look(orders, 'kid'))
    expect(await look(orders, 'kid')).toBe('unknown')
    expect(waiting).toHaveLength(16)
    for (const one of waiting) one.resolve('absent')
    expect(new Set(await Promise.all(looks))).toEqual(new Set(['absent']))
    const next = look(orders, 'kid')
    waiting.at(-1)?.resolve('present')
    expect(await next).toBe('present')
  })

  it('lets twenty look a second, and forty at once after a pause', async () => {
    const clock = new HeldClock(0)
    let looks = 0
    const look = limitedKeyLookup(async () => {
      looks += 1
      return 'absent'
    }, clock)
    const ask = async (times: number) => {
      const before = looks
      for (let time = 0; time < times; time += 1) await look(orders, `kid-${time}`)
      return looks - before
    }
    expect(await ask(100)).toBe(40)
    expect(await look(orders, 'kid')).toBe('unknown')
    clock.advance(SECOND)
    expect(await ask(100)).toBe(20)
  })

  it('counts a look that fails as one that is over', async () => {
    const look = limitedKeyLookup(() => Promise.reject(new Error('away')), new HeldClock(0))
    for (let time = 0; time < 20; time += 1) await expect(look(orders, 'kid')).rejects.toThrow('away')
  })
})
