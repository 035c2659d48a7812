import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MemoryCache } from '../../../authority/shared-cache/memory-cache.ts'
import type { RedisCredentials } from '../../../authority/shared-cache/redis/client.ts'
import { parseRedisUrl, type RedisTarget } from '../../../authority/shared-cache/redis/redis-url.ts'
import type { SharedCache } from '../../../authority/shared-cache/shared-cache.ts'
import { messageOf } from '../../../errors.ts'
import { ConfigError } from '../../settings/setting.ts'
import { sharedCacheSettings, type SharedCacheValues } from './settings.ts'
import type { Operations } from '../operations.ts'

/**
 * The shared cache: in Redis if there is a URL, otherwise in memory. An unavailable Redis does not delay the start. The
 * files are read for each connection, so that a new password needs no restart. Throws ConfigError for contradictory
 * settings, and for files that are unreadable at the start.
 */
export async function startSharedCache(
  values: SharedCacheValues,
  { issuer, operations }: { issuer: string; operations: Pick<Operations, 'logger' | 'metrics' | 'onScrape'> },
): Promise<SharedCache> {
  const { redisUrl } = values
  const target = redisUrl === undefined ? undefined : readTarget(redisUrl, values)
  if (target === undefined) {
    const unused = (Object.keys(sharedCacheSettings) as (keyof SharedCacheValues)[]).find(
      (name) => values[name] !== undefined,
    )
    if (unused !== undefined) throw new ConfigError(`--${sharedCacheSettings[unused].flag}: requires --redis-url`)
    return new MemoryCache()
  }
  const { logger, metrics, onScrape } = operations
  let known = await readCredentials(values)
  const credentials = async (): Promise<RedisCredentials> => {
    try {
      known = await readCredentials(values)
    } catch (error) {
      logger.warn('cannot read the credentials for redis, keeping the last', { error: messageOf(error) })
    }
    return known
  }
  // Imported on demand: ioredis takes several megabytes of memory.
  const { RedisCache } = await import('../../../authority/shared-cache/redis/redis-cache.ts')
  const cache = new RedisCache({
    target,
    credentials,
    issuer,
    logger,
    onResult: (command, result) => metrics.sharedCacheCommands.inc({ command, result }),
  })
  onScrape(() => metrics.sharedCacheDegraded.set(cache.degraded() === undefined ? 0 : 1))
  if (!target.tls) logger.warn('redis connection has no TLS: use a rediss URL if the network is not trusted')
  return cache
}

/** The message never repeats the URL, which may contain a password. */
function readTarget(url: string, values: SharedCacheValues): RedisTarget {
  let target: RedisTarget
  try {
    target = parseRedisUrl(url)
  } catch (error) {
    throw new ConfigError(`--redis-url: ${messageOf(error)}`)
  }
  for (const name of ['redisCaFile', 'redisCertificateDirectory'] as const) {
    if (values[name] !== undefined && !target.tls)
      throw new ConfigError(`--${sharedCacheSettings[name].flag}: requires a rediss URL`)
  }
  if (values.redisSentinelPasswordFile !== undefined && target.kind !== 'sentinel') {
    throw new ConfigError('--redis-sentinel-password-file: requires a redis+sentinel URL')
  }
  if (target.username !== undefined && values.redisPasswordFile === undefined) {
    throw new ConfigError('--redis-url: a user requires --redis-password-file')
  }
  return target
}

async function readCredentials(values: SharedCacheValues): Promise<RedisCredentials> {
  const { redisCertificateDirectory: directory } = values
  const [password, sentinelPassword, ca, certificate, key] = await Promise.all([
    readSecret('--redis-password-file', values.redisPasswordFile),
    readSecret('--redis-sentinel-password-file', values.redisSentinelPasswordFile),
    read('--redis-ca-file', values.redisCaFile),
    read('--redis-certificate-directory', directory && join(directory, 'tls.crt')),
    read('--redis-certificate-directory', directory && join(directory, 'tls.key')),
  ])
  return { password, sentinelPassword, ca, certificate, key }
}

/** The only line of a file: editors add a line break, which is not part of the password. */
async function readSecret(flag: string, file: string | undefined): Promise<string | undefined> {
  const text = await read(flag, file)
  const secret = text?.replace(/\r?\n$/, '')
  if (secret !== undefined && (secret === '' || secret.includes('\n'))) {
    throw new ConfigError(`${flag}: cannot use "${file ?? ''}": give one line`)
  }
  return secret
}

async function read(flag: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    const text = await readFile(file, 'utf8')
    if (text.length > 0 && text.length <= 256 * 1024) return text
  } catch (error) {
    throw new ConfigError(`${flag}: cannot use "${file}": ${messageOf(error)}`)
  }
  throw new ConfigError(`${flag}: cannot use "${file}": it is empty or larger than 256 KiB`)
}
