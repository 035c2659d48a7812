import { SignetError } from '../../../errors.ts'

/** The parsed URL of a Redis deployment. Contains no secret. */
export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  readonly tls: boolean
  /** The server, the Sentinels, or seed nodes of the cluster. */
  readonly nodes: readonly RedisNode[]
  /** The name of the master at the Sentinels. */
  readonly master?: string
  readonly database: number
  readonly username?: string
  /** The name that certificates are verified for, instead of the host. */
  readonly serverName?: string
}

export interface RedisNode {
  readonly host: string
  readonly port: number
}

/** `ERR_REDIS_URL`: a Redis URL is invalid. The message never repeats the URL, which may contain a password. */
export class RedisUrlError extends SignetError {
  constructor(message: string) {
    super('ERR_REDIS_URL', message)
  }
}

const redisUrlForms = [
  'redis://[user@]host[:6379][/database]',
  'redis+sentinel://[user@]host[:26379],host…/master[/database]',
  'redis+cluster://[user@]host[:6379],host…',
] as const

const form = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/
const ports = { single: 6379, sentinel: 26379, cluster: 6379 } as const
const maxNodes = 32

/**
 * Parses `redis://`, `redis+sentinel://` and `redis+cluster://`, each also with `rediss` for TLS; parameters
 * `?db=N` and, with TLS, `?servername=NAME`. Throws RedisUrlError, also for a URL with a password: URLs appear in process
 * lists, manifests and logs.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const match = form.exec(url)
  if (match === null) throw new RedisUrlError(`a Redis URL looks like ${redisUrlForms.join(' or ')}; rediss for TLS`)
  const [, scheme, topology, authority = '', path = '', query = ''] = match
  const kind = topology === 'sentinel' || topology === 'cluster' ? topology : 'single'
  const tls = scheme === 'rediss'
  const at = authority.lastIndexOf('@')
  const username = readUsername(authority.slice(0, Math.max(at, 0)))
  const nodes = authority
    .slice(at + 1)
    .split(',')
    .map((text) => readNode(text, ports[kind]))
  if (nodes.length > maxNodes) throw new RedisUrlError(`name at most ${maxNodes} hosts`)
  if (kind === 'single' && nodes.length > 1) {
    throw new RedisUrlError('several hosts need redis+sentinel:// or redis+cluster://')
  }
  const parts = path.split('/').filter((part) => part !== '')
  const master = kind === 'sentinel' ? readMaster(parts.shift()) : undefined
  const { db = parts.shift(), servername } = readQuery(query)
  if (parts.length > 0) throw new RedisUrlError('the path of a Redis URL has too many parts')
  if (servername !== undefined && !tls) throw new RedisUrlError('servername requires rediss')
  const database = readDatabase(db)
  if (kind === 'cluster' && database !== 0) throw new RedisUrlError('a Redis Cluster has only database 0')
  return {
    kind,
    tls,
    nodes,
    database,
    ...(master === undefined ? {} : { master }),
    ...(username === undefined ? {} : { username }),
    ...(servername === undefined ? {} : { serverName: servername }),
  }
}

function readUsername(userinfo: string): string | undefined {
  if (userinfo.includes(':')) throw new RedisUrlError('a Redis URL must not contain a password: give a password file')
  if (userinfo === '') return undefined
  try {
    return decodeURIComponent(userinfo)
  } catch {
    throw new RedisUrlError('the user name is not percent-encoded UTF-8')
  }
}

function readNode(text: string, fallback: number): RedisNode {
  const [, bracketed, name, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? name
  const port = digits === undefined ? fallback : Number(digits)
  if (host === undefined || port < 1 || port > 65535)
    throw new RedisUrlError('each host is a name or an address, and a port')
  return { host, port }
}

function readMaster(text: string | undefined): string {
  if (text !== undefined && /^[A-Za-z0-9._-]+$/.test(text)) return text
  throw new RedisUrlError('with Sentinels the path names the master, as in redis+sentinel://host:26379/mymaster')
}

function readQuery(query: string): { db?: string; servername?: string } {
  const read: { db?: string; servername?: string } = {}
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'db' && name !== 'servername')
      throw new RedisUrlError('the parameters of a Redis URL are db and servername')
    if (value === '' || read[name] !== undefined) throw new RedisUrlError(`give ${name} once, with a value`)
    read[name] = value
  }
  return read
}

function readDatabase(text = '0'): number {
  if (/^[0-9]{1,4}$/.test(text)) return Number(text)
  throw new RedisUrlError('a database is a number')
}
