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
 * The cache that replicas share: Redis where there is a URL, else this process's memory. Redis that is down keeps nobody
 * from starting. The files are read anew for each connection, so that a new password needs no restart. Throws ConfigError
 * for settings that do not fit together, and for files that cannot be read at the start.
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
    if (unused !== undefined)
      throw new ConfigError(`--${sharedCacheSettings[unused].flag}: is of use with --redis-url only`)
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
  // Loaded where it is wanted: the client takes some megabytes.
  const { RedisCache } = await import('../../../authority/shared-cache/redis/redis-cache.ts')
  const cache = new RedisCache({
    target,
    credentials,
    issuer,
    logger,
    onResult: (command, result) => metrics.sharedCacheCommands.inc({ command, result }),
  })
  onScrape(() => metrics.sharedCacheDegraded.set(cache.degraded() === undefined ? 0 : 1))
  if (!target.tls) logger.warn('redis is spoken to without TLS: give a rediss URL where others can read the network')
  return cache
}

/** The message never repeats the URL: somebody may have put a password into it. */
function readTarget(url: string, values: SharedCacheValues): RedisTarget {
  let target: RedisTarget
  try {
    target = parseRedisUrl(url)
  } catch (error) {
    throw new ConfigError(`--redis-url: ${messageOf(error)}`)
  }
  for (const name of ['redisCaFile', 'redisCertificateDirectory'] as const) {
    if (values[name] !== undefined && !target.tls)
      throw new ConfigError(`--${sharedCacheSettings[name].flag}: needs a rediss URL`)
  }
  if (values.redisSentinelPasswordFile !== undefined && target.kind !== 'sentinel') {
    throw new ConfigError('--redis-sentinel-password-file: needs a redis+sentinel URL')
  }
  if (target.username !== undefined && values.redisPasswordFile === undefined) {
    throw new ConfigError('--redis-url: a user needs --redis-password-file')
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

/** The first line: editors end a file with a line break that is no part of a password. */
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
