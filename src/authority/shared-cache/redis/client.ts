import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { defendClients } from './ioredis-hardening.ts'
import { failureOf } from './redis-failure.ts'
import type { RedisNode, RedisTarget } from './redis-url.ts'

defendClients()

/** What a connection proves itself with. Read anew for each, so that a change of the files needs no restart. */
export interface RedisCredentials {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Sentinels have passwords of their own. */
  readonly sentinelPassword?: string | undefined
  /** PEM; without it the certificates that the platform trusts. */
  readonly ca?: string | undefined
  /** PEM; both or neither. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

/** How a connection fares. After `ended` it is of no more use. */
interface ConnectionEvents {
  /** The server, or the cluster, takes commands. */
  ready(): void
  /** The reason has no secret in it. */
  ended(reason: string): void
  message?(channel: string, message: string): void
}

interface ConnectionOptions {
  readonly target: RedisTarget
  readonly credentials: RedisCredentials
  readonly events: ConnectionEvents
  /** For connecting, and for each question to a Sentinel; in milliseconds. */
  readonly connectTimeoutMs: number
  /** A connection on which something is asked and nothing heard for so long is ended, and all it was asked with it. */
  readonly silenceMs: number
  /** The most bytes that may come in without being a whole answer. */
  readonly maxAnswerBytes: number
}

/** One connection to Redis, or one to each node of a cluster. Every method rejects with a RedisFailure. */
export interface RedisConnection {
  /** The first bytes of a value, one more than `maxBytes` at most; empty where there is none. */
  getStart(key: string, maxBytes: number): Promise<Buffer>
  set(key: string, value: string, ttlMs: number): Promise<void>
  publish(channel: string, message: string): Promise<void>
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): Promise<void>
  ping(): Promise<void>
  disconnect(): void
}

/** Opens a connection for commands. Nothing is sent again by itself. */
export function openConnection(options: ConnectionOptions): RedisConnection {
  const { target } = options
  return target.kind === 'cluster' ? openCluster(options) : openServer(options, optionsOf(options))
}

/**
 * Opens a connection for subscriptions. In a cluster every node hears every message, so one node is enough: another at
 * each attempt.
 */
export function openSubscription(options: ConnectionOptions, attempt: number): RedisConnection {
  const { target } = options
  const node = target.nodes[attempt % target.nodes.length]
  return openServer(options, optionsOf(options, target.kind === 'cluster' ? node : undefined))
}

/** With what the types of the client's constructors ask for. */
type ServerOptions = RedisOptions & { readonly replyMapping: 'legacy' }

function openServer(options: ConnectionOptions, redisOptions: ServerOptions): RedisConnection {
  const { events } = options
  const redis = new Redis(redisOptions)
  const answers: Answers = { count: 0 }
  watchAnswers(redis, options.maxAnswerBytes, answers)
  let reason = 'the connection was closed'
  redis.on('error', (error: unknown) => {
    reason = failureOf(error).reason
  })
  redis.once('ready', () => events.ready())
  redis.once('end', () => events.ended(reason))
  redis.on('message', (channel: string, message: string) => {
    answers.count++
    events.message?.(channel, message)
  })
  return commandsOf(redis, answers)
}

function openCluster(options: ConnectionOptions): RedisConnection {
  const { target, events, connectTimeoutMs } = options
  const clusterOptions: ClusterOptions & { redisOptions: ServerOptions } = {
    redisOptions: optionsOf(options),
    enableOfflineQueue: false,
    clusterRetryStrategy: null,
    // The check asks a node at random, which may not be connected yet, and gives the whole connection up. A cluster that
    // is down says so to each command.
    enableReadyCheck: false,
    // A name stays a name: certificates are issued for names.
    dnsLookup: (address, callback) => callback(null, address),
    slotsRefreshTimeout: connectTimeoutMs,
    slotsRefreshInterval: 5000,
    maxRedirections: 3,
    // Zero: not tried again.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 10,
  }
  const cluster = new Cluster([...target.nodes], clusterOptions)
  const answers: Answers = { count: 0 }
  let reason = 'no node of the cluster answers'
  const note = (error: unknown): void => {
    reason = failureOf(error).reason
  }
  cluster.on('+node', (node: Redis) => {
    watchAnswers(node, options.maxAnswerBytes, answers)
    // At once, and not with the first command, which would be lost.
    if (node.options.readOnly !== true) node.connect().catch(() => undefined)
  })
  cluster.on('node error', note)
  cluster.on('error', note)
  cluster.once('ready', () => void Promise.all(cluster.nodes('master').map(connected)).then(() => events.ready()))
  cluster.once('end', () => events.ended(reason))
  return commandsOf(cluster, answers)
}

/** Resolves when a node is ready, and also when it will never be. */
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
    // Understood by every server and proxy; nothing here needs a newer one.
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
    // A server that was master and is a replica now refuses to write: another connection finds the new master.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  }
}

/** Where to connect to; the client itself knows where the nodes of a cluster are. */
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

/** Counts whole answers, for `watchAnswers`. */
interface Answers {
  count: number
}

/**
 * Ends a connection that sends more than an answer can have: nothing that is asked for is longer, but the message of a
 * publisher, or a server that is none, could be.
 */
function watchAnswers(redis: Redis, limit: number, answers: Answers): void {
  let received = 0
  let seen = answers.count
  redis.on('connect', () => {
    redis.stream.on('data', (chunk: Buffer) => {
      if (seen !== answers.count) received = 0
      seen = answers.count
      received += chunk.length
      if (received > limit) redis.stream.destroy(new Error(`more than ${limit} bytes in one answer`))
    })
  })
}

function commandsOf(redis: Redis | Cluster, answers: Answers): RedisConnection {
  const ask = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      throw failureOf(error)
    } finally {
      answers.count++
    }
  }
  const done = async (answer: Promise<unknown>): Promise<void> => {
    await ask(answer)
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
