import { describe, expect, it } from 'vitest'
import { MemoryCache } from '../../../src/authority/shared-cache/memory-cache.ts'
import { describeSharedCache } from '../../conformance/shared-cache.ts'
import { HeldClock } from '../../fakes/held-clock.ts'

describeSharedCache('the shared cache in memory', async () => {
  const clock = new HeldClock()
  const cache = new MemoryCache({ clock })
  return {
    cache,
    pass: async (milliseconds) => clock.advance(milliseconds),
    stop: () => cache.close(),
  }
})

describe('the memory of a shared cache', () => {
  it('is bounded in entries: what was used longest ago goes first', async () => {
    const cache = new MemoryCache({ maxEntries: 2 })
    await cache.set('a', '1', 60_000)
    await cache.set('b', '2', 60_000)
    await cache.get('a')
    await cache.set('c', '3', 60_000)
    expect([await cache.get('a'), await cache.get('b'), await cache.get('c')]).toEqual(['1', undefined, '3'])
  })

  it('is bounded in bytes', async () => {
    const cache = new MemoryCache({ maxBytes: 10_000 })
    for (let n = 0; n < 100; n++) await cache.set(`key-${n}`, 'x'.repeat(1000), 60_000)
    const kept = await Promise.all(Array.from({ length: 100 }, (_, n) => cache.get(`key-${n}`)))
    expect(kept.filter((value) => value !== undefined)).toHaveLength(4)
  })

  it('is empty and takes nothing once it is closed', async () => {
    const cache = new MemoryCache()
    await cache.set('a', '1', 60_000)
    await cache.close()
    await cache.set('b', '2', 60_000)
    expect([await cache.get('a'), await cache.get('b')]).toEqual([undefined, undefined])
  })
})
