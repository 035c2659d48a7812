import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll } from 'vitest'
import { rm } from 'node:fs/promises'
import { temporaryDirectory } from '../../tools/cluster/temporary-directory.ts'
import { describeSharedCache } from '../conformance/shared-cache.ts'
import { connectedCache, patient } from './caches.ts'
import { RedisServer } from './redis-server.ts'

let directory = ''
beforeAll(async () => {
  directory = await temporaryDirectory('signet-redis')
})
afterAll(() => rm(directory, { recursive: true, force: true }))

describeSharedCache('the shared cache on a Redis server', async () => {
  const server = await RedisServer.start({ directory })
  const { cache } = await connectedCache(server.url, patient)
  return {
    cache,
    pass: (milliseconds) => sleep(milliseconds),
    stop: async () => {
      await cache.close()
      await server.kill()
    },
  }
})
