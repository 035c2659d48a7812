import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SharedCache } from '../../src/authority/shared-cache/shared-cache.ts'
import { eventually } from '../builders/eventually.ts'

export interface CacheUnderTest {
  readonly cache: SharedCache
  /** Lets so much time go by, in milliseconds. */
  pass(milliseconds: number): Promise<void>
  stop(): Promise<void>
}

/** A time that is waited for, and in which two calls are answered on a machine that is very slow, in milliseconds. */
const short = 1_000

/** What every shared cache does, wherever it keeps things. */
export function describeSharedCache(name: string, start: () => Promise<CacheUnderTest>): void {
  describe(name, () => {
    let tested: CacheUnderTest
    let cache: SharedCache
    beforeAll(async () => {
      tested = await start()
      cache = tested.cache
    })
    afterAll(() => tested.stop())
    const unique = (): string => `test:${randomUUID()}`

    it('gives what was set, byte by byte', async () => {
      for (const value of ['a', '{"active":true}', 'ü€𝄞', '\u0000\r\n$5\r\n', 'x'.repeat(16 * 1024)]) {
        const key = unique()
        await cache.set(key, value, 60_000)
        expect(await cache.get(key)).toBe(value)
      }
    })

    it('has nothing where nothing was set', async () => {
      expect(await cache.get(unique())).toBeUndefined()
    })

    it('replaces a value and its time', async () => {
      const key = unique()
      await cache.set(key, 'first', short)
      await cache.set(key, 'second', 60_000)
      await tested.pass(2 * short)
      expect(await cache.get(key)).toBe('second')
    })

    it('forgets a value when its time has come', async () => {
      const key = unique()
      // Once more where the time was over before anybody could look.
      await eventually(async () => {
        await cache.set(key, 'short', short)
        expect(await cache.get(key)).toBe('short')
      })
      await tested.pass(2 * short)
      expect(await cache.get(key)).toBeUndefined()
    })

    it('keeps two keys apart, however long and alike they are', async () => {
      const long = unique() + 'k'.repeat(2000)
      await cache.set(`${long}1`, 'one', 60_000)
      await cache.set(`${long}2`, 'two', 60_000)
      expect([await cache.get(`${long}1`), await cache.get(`${long}2`)]).toEqual(['one', 'two'])
    })

    it.each([
      { title: 'an empty value', value: '', ttl: 60_000 },
      { title: 'a value beyond 16 KiB', value: 'x'.repeat(16 * 1024 + 1), ttl: 60_000 },
      { title: 'a value beyond 16 KiB in UTF-8', value: 'ü'.repeat(8 * 1024 + 1), ttl: 60_000 },
      { title: 'no time to live', value: 'v', ttl: 0 },
      { title: 'a negative time to live', value: 'v', ttl: -1 },
      { title: 'a time to live that is no number', value: 'v', ttl: Number.NaN },
      { title: 'a time to live without end', value: 'v', ttl: Number.POSITIVE_INFINITY },
      { title: 'a part of a millisecond', value: 'v', ttl: 0.5 },
    ])('does not keep $title', async ({ value, ttl }) => {
      const key = unique()
      await expect(cache.set(key, value, ttl)).resolves.toBeUndefined()
      expect(await cache.get(key)).toBeUndefined()
    })

    it('tells every listener of a channel, and no other', async () => {
      const [channel, other] = [unique(), unique()]
      const heard: string[] = []
      const stops = [
        cache.subscribe(channel, (message) => void heard.push(`first ${message}`)),
        cache.subscribe(channel, (message) => void heard.push(`second ${message}`)),
        cache.subscribe(other, (message) => void heard.push(`other ${message}`)),
      ]
      await heardOf(channel, heard, 'first ')
      await heardOf(other, heard, 'other ')
      heard.length = 0
      await cache.publish(channel, 'news')
      await eventually(() => expect(heard.sort()).toEqual(['first news', 'second news']))
      for (const stop of stops) stop()
    })

    it('tells a listener no more after it has stopped, and the others on', async () => {
      const channel = unique()
      const heard: string[] = []
      const stop = cache.subscribe(channel, (message) => void heard.push(`first ${message}`))
      const stopOther = cache.subscribe(channel, (message) => void heard.push(`second ${message}`))
      await heardOf(channel, heard, 'second ')
      stop()
      stop()
      heard.length = 0
      await cache.publish(channel, 'news')
      await eventually(() => expect(heard).toEqual(['second news']))
      stopOther()
      await cache.publish(channel, 'more')
      await sleep(50)
      expect(heard).toEqual(['second news'])
    })

    it('is not degraded', () => {
      expect(cache.degraded()).toBeUndefined()
    })

    /** A subscription takes its time: says something until it is heard. */
    async function heardOf(channel: string, heard: readonly string[], start: string): Promise<void> {
      await eventually(async () => {
        await cache.publish(channel, 'there?')
        await sleep(5)
        expect(heard.some((line) => line.startsWith(start))).toBe(true)
      })
    }
  })
}
