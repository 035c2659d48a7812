import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { hardenIoredis } from './ioredis-hardening.ts'
import { failureOf } from './redis-failure.ts'
import type { RedisNode, RedisTarget } from './redis-url.ts'

hardenIoredis()

/** The credentials of a connection. Read for each connection, so that a change of the files needs no restart. */
export interface RedisCredentials {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Sentinels have passwords of their own. */
  readonly sentinelPassword?: string | undefined
  /** PEM; without it the platform's trust store. */
  readonly ca?: string | undefined
  /** The client certificate, PEM; requires `key`. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** The events of a connection. After `ended` the connection is unusable. */
interface ConnectionEvents {
  /** The server, or the cluster, accepts commands. */
  ready(): void
  /** The reason contains no secret. */
  ended(reason: string): void
  message?(channel: string, message: string): void
}

interface ConnectionOptions {
  readonly target: RedisTarget
  readonly credentials: RedisCredentials
  readonly events: ConnectionEvents
  /** The time limit for connecting, and for each command to a Sentinel, in milliseconds. */
  readonly connectTimeoutMs: number
  /** Ends a connection that has pending commands and receives nothing for this long, in milliseconds. */
  readonly silenceMs: number
  /** The maximum size of one reply, in bytes. */
  readonly maxReplyBytes: number
}

/** A connection to Redis, or to each node of a cluster. Every method rejects with a RedisFailure. */
export interface RedisConnection {
  /** The first `maxBytes + 1` bytes of a value; empty if the key is missing. */
  getStart(key: string, maxBytes: number): Promise<Buffer>
  set(key: string, value: string, ttlMs: number): Promise<void>
  publish(channel: string, message: string): Promise<void>
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): Promise<void>
  ping(): Promise<void>
  disconnect(): void
}

/** Opens a connection for commands. Commands are never sent again automatically. */
export function openConnection(options: ConnectionOptions): RedisConnection {
  const { target } = options
  return target.kind === 'cluster' ? openCluster(options) : openServer(options, optionsOf(options))
}

/**
 * Opens a connection for subscriptions. Every node of a cluster receives every message, so one node is enough: the next
 * one for each attempt.
 */
export function openSubscription(options: ConnectionOptions, attempt: number): RedisConnection {
  const { target } = options
  const node = target.nodes[attempt % target.nodes.length]
  return openServer(options, optionsOf(options, target.kind === 'cluster' ? node : undefined))
}

/** Options with the one member that ioredis' constructor overloads require. */
type ServerOptions = RedisOptions & { readonly replyMapping: 'legacy' }

function openServer(options: ConnectionOptions, redisOptions: ServerOptions): RedisConnection {
  const { events } = options
  const redis = new Redis(redisOptions)
  const replies: Replies = { count: 0 }
  limitReplies(redis, options.maxReplyBytes, replies)
  let reason = 'the connection was closed'
  redis.on('error', (error: unknown) => {
    reason = failureOf(error).reason
  })
  redis.once('ready', () => events.ready())
  redis.once('end', () => events.ended(reason))
  redis.on('message', (channel: string, message: string) => {
    replies.count++
    events.message?.(channel, message)
  })
  return commandsOf(redis, replies)
}

function openCluster(options: ConnectionOptions): RedisConnection {
  const { target, events, connectTimeoutMs } = options
  const clusterOptions: ClusterOptions & { redisOptions: ServerOptions } = {
    redisOptions: optionsOf(options),
    enableOfflineQueue: false,
    clusterRetryStrategy: null,
    // The ready check asks a random node and closes the whole connection if that node is not connected yet. A cluster that
    // is down refuses each command anyway.
    enableReadyCheck: false,
    // Keeps host names unresolved, because certificates are issued for names.
    dnsLookup: (address, callback) => callback(null, address),
    slotsRefreshTimeout: connectTimeoutMs,
    slotsRefreshInterval: 5000,
    maxRedirections: 3,
    // 0 disables retries.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 10,
  }
  const cluster = new Cluster([...target.nodes], clusterOptions)
  const replies: Replies = { count: 0 }
  let reason = 'no node of the cluster replies'
  const note = (error: unknown): void => {
    reason = failureOf(error).reason
  }
  cluster.on('+node', (node: Redis) => {
    limitReplies(node, options.maxReplyBytes, replies)
    // Connects now: on demand, the command that triggers the connection would be lost.
    if (node.options.readOnly !== true) node.connect().catch(() => undefined)
  })
  cluster.on('node error', note)
  cluster.on('error', note)
  cluster.once('ready', () => void Promise.all(cluster.nodes('master').map(connected)).then(() => events.ready()))
  cluster.once('end', () => events.ended(reason))
  return commandsOf(cluster, replies)
}

/** Resolves when a node is ready or has failed. */
function connected(node: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (node.status === 'ready' || node.status === 'end') resolve()
    node.once('ready', () => resolve())
    node.once('end', () => resolve())
  })
}

function optionsOf(options: ConnectionOptions, node?: RedisNode): ServerOptions {
  const { target, credentials, connectTimeoutMs, silenceMs } = options
  const { username = target.username, password } = credentials
  return {
    ...placeOf(options, node),
    ...(password === undefined ? {} : { username, password }),
    ...(target.tls ? { tls: tlsOf(target, credentials) } : {}),
    db: target.database,
    // RESP 2, which every server and proxy supports.
    protocol: 2,
    replyMapping: 'legacy',
    disableClientInfo: true,
    connectionName: 'signet',
    connectTimeout: connectTimeoutMs,
    disconnectTimeout: connectTimeoutMs,
    socketTimeout: silenceMs,
    retryStrategy: null,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    // A master that has become a replica refuses writes: reconnecting finds the new master.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
}

/** The address to connect to. For the nodes of a cluster ioredis has the addresses. */
function placeOf({ target, credentials, connectTimeoutMs }: ConnectionOptions, node?: RedisNode): RedisOptions {
  const { kind, master, tls } = target
  if (kind === 'sentinel') {
    return {
      sentinels: target.nodes.map(({ host, port }) => ({ host, port })),
      name: master,
      sentinelPassword: credentials.sentinelPassword,
      sentinelRetryStrategy: () => null,
      sentinelCommandTimeout: connectTimeoutMs,
      ...(tls ? { sentinelTLS: tlsOf(target, credentials), enableTLSForSentinelMode: true } : {}),
    }
  }
  const place = node ?? (kind === 'single' ? target.nodes[0] : undefined)
  return place === undefined ? {} : { host: place.host, port: place.port }
}

function tlsOf(
  { serverName }: RedisTarget,
  { ca, certificate, key }: RedisCredentials,
): NonNullable<RedisOptions['tls']> {
  return {
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

/** Counts complete replies, for `limitReplies`. */
interface Replies {
  count: number
}

/**
 * Ends a connection whose reply exceeds the limit. No requested reply is longer, but a published message may be, and a
 * server that is not Redis may send anything.
 */
function limitReplies(redis: Redis, limit: number, replies: Replies): void {
  let received = 0
  let seen = replies.count
  redis.on('connect', () => {
    redis.stream.on('data', (chunk: Buffer) => {
      if (seen !== replies.count) received = 0
      seen = replies.count
      received += chunk.length
      if (received > limit) redis.stream.destroy(new Error(`more than ${limit} bytes in one reply`))
    })
  })
}

function commandsOf(redis: Redis | Cluster, replies: Replies): RedisConnection {
  const ask = async <T>(reply: Promise<T>): Promise<T> => {
    try {
      return await reply
    } catch (error) {
      throw failureOf(error)
    } finally {
      replies.count++
    }
  }
  const done = async (reply: Promise<unknown>): Promise<void> => {
    await ask(reply)
  }
  return {
    getStart: (key, maxBytes) => ask(redis.getrangeBuffer(key, 0, maxBytes)),
    set: (key, value, ttlMs) => done(redis.set(key, value, 'PX', ttlMs)),
    publish: (channel, message) => done(redis.publish(channel, message)),
    subscribe: (channel) => done(redis.subscribe(channel)),
    unsubscribe: (channel) => done(redis.unsubscribe(channel)),
    ping: () => done(redis.ping()),
    disconnect: () => redis.disconnect(),
  }
}
