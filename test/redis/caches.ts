import { afterEach } from 'vitest'
import {
  type CacheCommand,
  type CacheResult,
  RedisCache,
  type RedisCacheOptions,
} from '../../src/authority/shared-cache/redis/redis-cache.ts'
import { parseRedisUrl } from '../../src/authority/shared-cache/redis/redis-url.ts'
import { silentLogger } from '../../src/logger.ts'
import { eventually } from '../builders/eventually.ts'

const opened: RedisCache[] = []

/** Closes what `openCache` has opened, after each test. */
export function closeCachesAfterEach(): void {
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((cache) => cache.close()))
  })
}

export interface OpenedCache {
  readonly cache: RedisCache
  readonly results: [CacheCommand, CacheResult][]
}

/** Long enough for a Redis server that has to wait for its turn: a read that comes late is a miss. */
export const patient = { readTimeoutMs: 2_000, timeoutMs: 2_000 } as const

/** A cache over a server, which need not be there. */
export function openCache(url: string, options: Partial<RedisCacheOptions> = {}): OpenedCache {
  const results: [CacheCommand, CacheResult][] = []
  const cache = new RedisCache({
    target: parseRedisUrl(url),
    credentials: () => Promise.resolve({}),
    issuer: 'https://issuer.test',
    logger: silentLogger,
    onResult: (command, result) => void results.push([command, result]),
    ...options,
  })
  opened.push(cache)
  return { cache, results }
}

/** One that has got through. */
export async function connectedCache(url: string, options: Partial<RedisCacheOptions> = {}): Promise<OpenedCache> {
  const made = openCache(url, options)
  await connected(made.cache)
  return made
}

export function connected(cache: RedisCache, limitMs = 30_000): Promise<void> {
  return eventually(() => {
    const problem = cache.degraded()
    if (problem !== undefined) throw new Error(problem)
  }, limitMs)
}
