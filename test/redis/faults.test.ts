import { rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisCache } from '../../src/authority/shared-cache/redis/redis-cache.ts'
import { eventually } from '../builders/eventually.ts'
import { freePorts } from '../../tools/cluster/ports.ts'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { closeCachesAfterEach, connected, connectedCache, openCache, patient } from './caches.ts'
import { RedisServer, type RedisServerOptions } from './redis-server.ts'
import { startSlowProxy } from './slow-proxy.ts'

let directory = ''
beforeAll(async () => {
  directory = await temporaryDirectory('signet-redis')
})
afterAll(() => rm(directory, { recursive: true, force: true }))
closeCachesAfterEach()

async function start(options: Omit<RedisServerOptions, 'directory'> = {}): Promise<RedisServer> {
  const server = await RedisServer.start({ directory, ...options })
  onTestFinished(async () => {
    server.resume()
    await server.kill()
  })
  return server
}

/** The limit of a call in milliseconds, with room for a busy machine: beyond it a caller waits for Redis itself. */
const limitMs = 250 + 2_000

/**
 * Every kind of call is a miss, within the limit. Four calls at a time: two rounds open the circuit breaker before a
 * silent connection is given up.
 */
async function isAMiss(cache: RedisCache): Promise<void> {
  const bounded = async <T>(call: Promise<T>): Promise<T> => {
    const started = performance.now()
    try {
      return await call
    } finally {
      if (performance.now() - started > limitMs) expect.fail(`a call took more than ${limitMs} ms`)
    }
  }
  await Promise.all([
    expect(bounded(cache.get('key'))).resolves.toBeUndefined(),
    expect(bounded(cache.get('other'))).resolves.toBeUndefined(),
    expect(bounded(cache.set('key', 'lost', 60_000))).resolves.toBeUndefined(),
    expect(bounded(cache.publish('news', 'lost'))).resolves.toBeUndefined(),
  ])
}

/** A server that has to wait for its turn may miss one or the other: this is a cache. */
function works(cache: RedisCache): Promise<void> {
  return eventually(async () => {
    await cache.set('works', 'yes', 60_000)
    expect(await cache.get('works')).toBe('yes')
  })
}

/** Something listens until it is heard. */
function listen(cache: RedisCache) {
  const heard: string[] = []
  cache.subscribe('news', (message) => void heard.push(message))
  return (message: string) =>
    eventually(async () => {
      await cache.publish('news', message)
      await sleep(5)
      expect(heard).toContain(message)
    }, 15_000)
}

describe('without Redis a shared cache', () => {
  it('I6: misses at once where there is none at the start, and serves once there is', async () => {
    const [port = 0] = await freePorts(1)
    const { cache, results } = openCache(`redis://127.0.0.1:${port}`)
    const hears = listen(cache)
    await isAMiss(cache)
    await eventually(() => expect(cache.degraded()).toBe('redis is unreachable: ECONNREFUSED'))
    expect(new Set(results.map(([, result]) => result))).toEqual(new Set(['open']))
    await start({ port })
    await connected(cache)
    await works(cache)
    await hears('after the start')
    expect(cache.degraded()).toBeUndefined()
  })

  it('I6: misses while it is killed under load, and serves and listens again with the next, which is empty', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url)
    const hears = listen(cache)
    await hears('before')
    await cache.set('key', 'value', 60_000)
    const load = Promise.all(Array.from({ length: 200 }, () => cache.get('key')))
    await server.kill()
    expect((await load).every((value) => value === undefined || value === 'value')).toBe(true)
    await isAMiss(cache)
    await server.start()
    await connected(cache)
    expect(await cache.get('key')).toBeUndefined()
    await works(cache)
    await hears('after')
  })

  it('I6: misses while it hangs for 5 s, soon without asking, and serves afterwards', { timeout: 60_000 }, async () => {
    const server = await start()
    const { cache, results } = await connectedCache(server.url, { heartbeatMs: 500 })
    const hears = listen(cache)
    await hears('before')
    await cache.set('key', 'value', 60_000)
    server.pause()
    const until = performance.now() + 5000
    while (performance.now() < until) {
      await isAMiss(cache)
      await sleep(20)
    }
    expect(cache.degraded()).toBe('redis does not reply in time')
    const asked = results.filter(([, result]) => result === 'timeout' || result === 'error')
    const saved = results.filter(([, result]) => result === 'open')
    expect(asked.length).toBeGreaterThan(0)
    // Nobody waits for a probe: once it is known to hang, nothing is asked of it.
    expect(asked.length).toBeLessThan(40)
    expect(saved.length).toBeGreaterThan(40)
    server.resume()
    await connected(cache)
    // What was on its way when it hung may have arrived.
    expect(['value', 'lost']).toContain(await cache.get('key'))
    await works(cache)
    await hears('after')
  })

  it('keeps no more under way than it may while it hangs', async () => {
    const server = await start()
    const { cache, results } = await connectedCache(server.url, { maxInFlight: 10 })
    server.pause()
    await Promise.all(Array.from({ length: 100 }, () => cache.get('key')))
    expect(results.filter(([, result]) => result === 'busy')).toHaveLength(90)
    expect(results.filter(([, result]) => result === 'timeout')).toHaveLength(10)
    server.resume()
    await connected(cache)
    await works(cache)
  })

  it('misses while every answer comes late, without closing the circuit for a server that is still slow', async () => {
    const server = await start()
    const proxy = await startSlowProxy(server.port)
    onTestFinished(() => proxy.close())
    const { cache, results } = await connectedCache(`redis://127.0.0.1:${proxy.port}`, { openMs: 100 })
    await works(cache)
    proxy.delayMs = 200
    for (let n = 0; n < 5; n++) expect(await cache.get('works')).toBeUndefined()
    expect(cache.degraded()).toBe('redis does not reply in time')
    results.length = 0
    for (let n = 0; n < 20; n++) {
      await isAMiss(cache)
      await sleep(50)
    }
    expect(new Set(results.map(([, result]) => result))).toEqual(new Set(['open']))
    proxy.delayMs = 0
    await connected(cache)
    await works(cache)
  })

  it('is closed at once while it hangs', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url)
    server.pause()
    const waiting = cache.get('key')
    await cache.close()
    expect(await waiting).toBeUndefined()
    await isAMiss(cache)
  })
})

describe('with a Redis that is not what it was', () => {
  it('a shared cache misses after it was flushed', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url, patient)
    await cache.set('key', 'value', 60_000)
    await server.admin.flushall()
    expect(await cache.get('key')).toBeUndefined()
    await works(cache)
  })

  it('a shared cache reads on while it is full, and says that it cannot write', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url, patient)
    await cache.set('key', 'value', 60_000)
    await server.admin.config('SET', 'maxmemory-policy', 'noeviction')
    await server.admin.config('SET', 'maxmemory', '1')
    await cache.set('other', 'value', 60_000)
    expect([await cache.get('key'), await cache.get('other')]).toEqual(['value', undefined])
    expect(cache.degraded()).toBe('redis refuses writes: OOM')
    await server.admin.config('SET', 'maxmemory', '0')
    await works(cache)
    expect(cache.degraded()).toBeUndefined()
  })

  it('a shared cache looks for another where it has become a replica', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url, patient)
    await server.admin.replicaof('127.0.0.1', '1')
    await cache.set('key', 'refused', 60_000)
    expect(await cache.get('key')).toBeUndefined()
    await server.admin.replicaof('NO', 'ONE')
    await works(cache)
  })

  it('a shared cache misses where another client has written a foreign value', async () => {
    const server = await start()
    const { cache, results } = await connectedCache(server.url, patient)
    await cache.set('key', 'value', 60_000)
    const [name = ''] = await server.admin.keys('signet:v1:*')
    const { admin } = server
    const poisons: [string, () => Promise<unknown>][] = [
      ['a list', () => admin.rpush(name, 'value')],
      ['a hash', () => admin.hset(name, 'field', 'value')],
      ['bytes that are no text', () => admin.set(name, Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]))],
      ['100 MB', () => admin.call('setrange', name, 100 * 1024 * 1024, 'x')],
      ['a little too much', () => admin.set(name, 'x'.repeat(16 * 1024 + 1))],
      ['nothing', () => admin.set(name, '')],
    ]
    for (const [title, write] of poisons) {
      await admin.del(name)
      await write()
      expect(await cache.get('key'), title).toBeUndefined()
    }
    // None of them says anything against the server, and what is ours goes over them.
    expect(cache.degraded()).toBeUndefined()
    expect(results.filter(([, result]) => result === 'timeout')).toEqual([])
    await cache.set('key', 'value', 60_000)
    expect(await cache.get('key')).toBe('value')
  })

  it('a shared cache passes on no message that is too long, and survives one that is far too long', async () => {
    const server = await start()
    const { cache } = await connectedCache(server.url, patient)
    const heard: number[] = []
    cache.subscribe('news', (message) => void heard.push(message.length))
    const channels = await eventually(async () => {
      const names = (await server.admin.pubsub('CHANNELS')) as string[]
      expect(names).toHaveLength(1)
      return names
    })
    const [name = ''] = channels
    await server.admin.publish(name, 'x'.repeat(16 * 1024 + 1))
    await server.admin.publish(name, 'x'.repeat(16 * 1024))
    await eventually(() => expect(heard).toEqual([16 * 1024]))
    await server.admin.publish(name, 'x'.repeat(32 * 1024 * 1024))
    await eventually(async () => {
      await server.admin.publish(name, 'short')
      expect(heard).toContain(5)
    })
    expect(heard.every((length) => length <= 16 * 1024)).toBe(true)
  })

  it('a shared cache misses where something that is no Redis answers', async () => {
    for (const answer of [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '$100000000\r\n' + 'x'.repeat(1_000_000),
      '\0'.repeat(1000),
    ]) {
      const server = createServer((socket) => {
        socket.on('error', () => undefined)
        socket.on('data', () => socket.write(answer))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      onTestFinished(() => void server.close())
      const { cache } = openCache(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`)
      for (let n = 0; n < 10; n++) {
        await isAMiss(cache)
        await sleep(30)
      }
      expect(cache.degraded()).toContain('redis is unreachable')
      await cache.close()
    }
  })
})
