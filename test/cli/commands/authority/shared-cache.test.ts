import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { MemoryCache } from '../../../../src/authority/shared-cache/memory-cache.ts'
import { startSharedCache } from '../../../../src/cli/commands/authority/shared-cache.ts'
import { ConfigError } from '../../../../src/cli/settings/setting.ts'
import { sharedCacheSettings, type SharedCacheValues } from '../../../../src/cli/commands/authority/settings.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { createMetrics } from '../../../../src/telemetry/metrics.ts'
import { eventually } from '../../../builders/eventually.ts'

const none: SharedCacheValues = {
  redisUrl: undefined,
  redisPasswordFile: undefined,
  redisSentinelPasswordFile: undefined,
  redisCaFile: undefined,
  redisCertificateDirectory: undefined,
}

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-cache-'))
})
afterEach(() => rm(directory, { recursive: true }))

function operationsOf() {
  const metrics = createMetrics()
  const collectors: (() => void)[] = []
  const said: string[] = []
  const say = (message: string, fields?: object): void => void said.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { ...silentLogger, info: say, warn: say, error: say }
  return {
    logger,
    metrics,
    onScrape: (collect: () => void) => void collectors.push(collect),
    said,
    scrape: async () => {
      for (const collect of collectors) collect()
      return metrics.render()
    },
  }
}

function start(values: Partial<SharedCacheValues>, operations = operationsOf()) {
  return startSharedCache({ ...none, ...values }, { issuer: 'https://issuer.test', operations })
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text)
  return path
}

/** Accepts everybody, reads, and says nothing but what it is told to. */
async function startServer(answer: (text: string, socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => answer(chunk.toString(), socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `redis://signet@127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the shared cache of a command', () => {
  it('is memory where no Redis is named', async () => {
    const cache = await start({})
    expect(cache).toBeInstanceOf(MemoryCache)
    await cache.close()
  })

  it.each([
    [{ redisUrl: 'cache:6379' }, '--redis-url: a Redis URL looks like redis://'],
    [{ redisUrl: 'redis://user@cache' }, '--redis-url: a user requires --redis-password-file'],
    [{ redisUrl: 'redis://cache', redisCaFile: '/ca' }, '--redis-ca-file: requires a rediss URL'],
    [
      { redisUrl: 'redis://cache', redisCertificateDirectory: '/c' },
      '--redis-certificate-directory: requires a rediss URL',
    ],
    [{ redisUrl: 'redis://cache', redisSentinelPasswordFile: '/p' }, 'requires a redis+sentinel URL'],
    [
      { redisUrl: 'redis://cache', redisPasswordFile: '/gone/password' },
      '--redis-password-file: cannot use "/gone/password"',
    ],
    [{ redisPasswordFile: '/p' }, '--redis-password-file: requires --redis-url'],
  ])('is refused for %j', async (values, message) => {
    await expect(start(values)).rejects.toThrow(ConfigError)
    await expect(start(values)).rejects.toThrow(message)
  })

  it('is refused for a password of no line or of two', async () => {
    for (const text of ['\n', 'one\ntwo\n']) {
      const redisPasswordFile = await file('password', text)
      await expect(start({ redisUrl: 'redis://cache', redisPasswordFile })).rejects.toThrow('give one line')
    }
    const redisPasswordFile = await file('password', '')
    await expect(start({ redisUrl: 'redis://cache', redisPasswordFile })).rejects.toThrow('it is empty')
  })

  it('starts without the Redis that it is to use, and says so', async () => {
    const operations = operationsOf()
    const cache = await start({ redisUrl: 'redis://127.0.0.1:1' }, operations)
    onTestFinished(() => cache.close())
    expect(await cache.get('key')).toBeUndefined()
    await eventually(() => expect(cache.degraded()).toBe('redis is unreachable: ECONNREFUSED'))
    expect(operations.said.join('\n')).toContain('cannot reach redis, continuing without it {"reason":"ECONNREFUSED"}')
    const scraped = await operations.scrape()
    expect(scraped).toContain('signet_shared_cache_commands_total{command="get",result="open"} 1')
    expect(scraped).toContain('signet_shared_cache_degraded 1')
  })

  it('shows a new password to a new connection, and keeps the last while the file is gone', async () => {
    const shown: string[] = []
    const redisUrl = await startServer((text, socket) => {
      shown.push(...(/AUTH\r\n\$\d+\r\nsignet\r\n\$\d+\r\n([^\r]+)/i.exec(text)?.slice(1) ?? []))
      socket.destroy()
    })
    const redisPasswordFile = await file('password', 'first\r\n')
    const cache = await start({ redisUrl, redisPasswordFile })
    onTestFinished(() => cache.close())
    await eventually(() => expect(shown).toContain('first'))
    await writeFile(redisPasswordFile, 'second')
    await eventually(() => expect(shown).toContain('second'))
    await rm(redisPasswordFile)
    shown.length = 0
    await eventually(() => expect(shown).toContain('second'))
  })

  it('I3: never says a password, also where the server repeats it', async () => {
    const operations = operationsOf()
    const redisUrl = await startServer((_text, socket) => {
      socket.write("-ERR unknown command 'AUTH', with args beginning with: 'signet' 'hunter2' \r\n".repeat(4))
    })
    const redisPasswordFile = await file('password', 'hunter2')
    const cache = await start({ redisUrl, redisPasswordFile }, operations)
    onTestFinished(() => cache.close())
    await eventually(() => expect(operations.said.join('\n')).toContain('cannot reach redis'))
    await cache.set('key', 'value', 1000)
    expect([...operations.said, cache.degraded()].join('\n')).not.toContain('hunter2')
  })

  it('has a flag for every setting, none of which takes a password', () => {
    const flags = Object.keys(none).map((name) => sharedCacheSettings[name as keyof SharedCacheValues].flag)
    expect(flags.filter((flag) => flag.includes('password')).every((flag) => flag.endsWith('-file'))).toBe(true)
  })
})
