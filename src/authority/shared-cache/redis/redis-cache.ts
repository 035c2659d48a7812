import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Logger } from '../../../logger.ts'
import { isKept, maxValueBytes } from '../cache-limits.ts'
import type { SharedCache } from '../shared-cache.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { openConnection, openSubscription, type RedisConnection, type RedisCredentials } from './client.ts'
import { RedisFailure } from './redis-failure.ts'
import { ReconnectingConnection } from './reconnecting-connection.ts'
import type { RedisTarget } from './redis-url.ts'
import { Subscriptions } from './subscriptions.ts'

export type CacheCommand = 'get' | 'set' | 'publish'
/**
 * | result | meaning |
 * |---|---|
 * | `hit`, `miss` | of a get |
 * | `ok` | the server executed a set or publish |
 * | `error` | the server refused the command, or the connection ended |
 * | `timeout` | no reply in time |
 * | `open` | not sent: there is no connection, or the circuit breaker is open |
 * | `busy` | not sent: too many commands in flight |
 */
export type CacheResult = 'hit' | 'miss' | 'ok' | 'error' | 'timeout' | 'open' | 'busy'

export interface RedisCacheOptions {
  readonly target: RedisTarget
  /** Called for each connection. */
  readonly credentials: () => Promise<RedisCredentials>
  /** The issuer, which is part of every key: several issuers can share a server. */
  readonly issuer: string
  readonly logger: Logger
  readonly onResult?: (command: CacheCommand, result: CacheResult) => void
  /** The time limit of a get, in milliseconds; 50 by default. */
  readonly readTimeoutMs?: number
  /** The time limit for connecting and for every other command, in milliseconds; 250 by default. */
  readonly timeoutMs?: number
  /** The maximum number of commands in flight; 1,024 by default. */
  readonly maxInFlight?: number
  /** Consecutive time-outs and lost connections that open the circuit breaker; 5 by default. */
  readonly failures?: number
  /** The time until the first probe and between probes, in milliseconds; 1,000 by default. */
  readonly openMs?: number
  /** The shortest and longest pause between attempts to connect, in milliseconds. */
  readonly pauseMs?: readonly [number, number]
  /** The interval of pings on the connection for subscriptions, in milliseconds. */
  readonly heartbeatMs?: number
}

const standard = {
  readTimeoutMs: 50,
  timeoutMs: 250,
  maxInFlight: 1024,
  failures: 5,
  openMs: 1000,
  pauseMs: [50, 2000],
  heartbeatMs: 5000,
} as const
const maxReplyBytes = 4 * 1024 * 1024
const maxKeyLength = 256

/**
 * The shared cache in Redis. Every call ends within its time limit; a late reply is a miss. After several consecutive
 * failures no command is sent until a probe succeeds. Values are UTF-8 of at most 16 KiB; others are misses, and no more
 * than that is fetched of a longer value.
 */
export class RedisCache implements SharedCache {
  readonly #options: Required<Omit<RedisCacheOptions, 'onResult'>> & Pick<RedisCacheOptions, 'onResult'>
  readonly #prefix: string
  readonly #connection: ReconnectingConnection<RedisConnection>
  readonly #subscriptions: Subscriptions
  readonly #breaker: CircuitBreaker
  #inFlight = 0
  #probe: NodeJS.Timeout | undefined
  #refused: string | undefined
  #closed = false

  constructor(given: RedisCacheOptions) {
    const options = { ...standard, ...given }
    this.#options = options
    const { target, credentials, issuer, logger, timeoutMs, pauseMs, heartbeatMs, failures } = options
    this.#prefix = `signet:v1:${createHash('sha256').update(issuer).digest('base64url').slice(0, 16)}:`
    this.#breaker = new CircuitBreaker({ failures })
    const common = { target, connectTimeoutMs: timeoutMs, silenceMs: 2 * timeoutMs, maxReplyBytes }
    const openLimitMs = 8 * timeoutMs
    this.#connection = new ReconnectingConnection<RedisConnection>({
      open: async (events) => openConnection({ ...common, events, credentials: await credentials() }),
      openLimitMs,
      pauseMs,
      onReady: () => logger.info('redis connected'),
      onDown: (reason) => logger.warn('cannot reach redis, continuing without it', { reason }),
    })
    this.#subscriptions = new Subscriptions({
      open: async (events, attempt) =>
        openSubscription({ ...common, events, credentials: await credentials() }, attempt),
      openLimitMs,
      pauseMs,
      heartbeatMs,
      maxMessage: maxValueBytes,
    })
  }

  async get(key: string): Promise<string | undefined> {
    const { readTimeoutMs } = this.#options
    try {
      const bytes = await this.#ask('get', readTimeoutMs, (redis) => redis.getStart(this.#name(key), maxValueBytes))
      const value = bytes.length > 0 && bytes.length <= maxValueBytes && isUtf8(bytes) ? bytes.toString() : undefined
      this.#count('get', value === undefined ? 'miss' : 'hit')
      return value
    } catch {
      return undefined
    }
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    if (!isKept(value, ttlMs)) return
    try {
      await this.#ask('set', this.#options.timeoutMs, (redis) => redis.set(this.#name(key), value, ttlMs))
      this.#refused = undefined
      this.#count('set', 'ok')
    } catch (error) {
      // A full server refuses writes and still answers reads.
      if (error instanceof RedisFailure && error.answered) this.#refused = error.reason
    }
  }

  async publish(channel: string, message: string): Promise<void> {
    if (message.length > maxValueBytes) return
    try {
      await this.#ask('publish', this.#options.timeoutMs, (redis) => redis.publish(this.#name(channel), message))
      this.#count('publish', 'ok')
    } catch {
      // A lost message, as the interface allows.
    }
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    return this.#subscriptions.subscribe(this.#name(channel), listener)
  }

  degraded(): string | undefined {
    if (this.#breaker.open) return 'redis does not reply in time'
    const { reason } = this.#connection
    if (reason !== undefined) return `redis is unreachable: ${reason}`
    if (this.#refused !== undefined) return `redis refuses writes: ${this.#refused}`
    const deaf = this.#subscriptions.reason
    return deaf === undefined ? undefined : `messages of other replicas are not received: ${deaf}`
  }

  close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#probe)
    this.#subscriptions.close()
    this.#connection.close()
    return Promise.resolve()
  }

  /** Sends a command. Counts and rejects with failures; the caller counts success as hit, miss or ok. */
  async #ask<T>(command: CacheCommand, limitMs: number, what: (redis: RedisConnection) => Promise<T>): Promise<T> {
    const redis = this.#breaker.open ? undefined : this.#connection.ready
    if (redis === undefined) return this.#fail(command, 'open', new RedisFailure('not connected', false))
    if (this.#inFlight >= this.#options.maxInFlight) {
      return this.#fail(command, 'busy', new RedisFailure('too many commands in flight', false))
    }
    this.#inFlight++
    const reply = what(redis).finally(() => this.#inFlight--)
    try {
      const value = await within(limitMs, reply)
      this.#breaker.succeeded()
      return value
    } catch (error) {
      const failure = error instanceof RedisFailure ? error : new RedisFailure('timed out', false)
      if (failure.answered) this.#breaker.succeeded()
      // The loss of an older connection has been counted already, and a new one is being opened.
      else if (redis === this.#connection.ready && this.#breaker.failed()) this.#breakerOpened(failure.reason)
      return this.#fail(command, failure.reason === 'timed out' ? 'timeout' : 'error', failure)
    }
  }

  #fail(command: CacheCommand, result: CacheResult, failure: RedisFailure): never {
    this.#count(command, result)
    throw failure
  }

  /** Replaces the connection, which drops pending replies; a new one may reach another server. */
  #breakerOpened(reason: string): void {
    this.#options.logger.warn('redis does not reply in time, continuing without it', { reason })
    this.#connection.reset(reason)
    this.#probeLater()
  }

  /** Probes in the background, so that no caller waits for an unavailable server. */
  #probeLater(): void {
    if (this.#closed) return
    const { openMs, readTimeoutMs, logger } = this.#options
    this.#probe = setTimeout(() => {
      const reply = this.#connection.ready?.ping() ?? Promise.reject(new RedisFailure('not connected', false))
      within(readTimeoutMs, reply).then(
        () => {
          this.#breaker.close()
          logger.info('redis replies again')
        },
        () => this.#probeLater(),
      )
    }, openMs).unref()
  }

  #name(key: string): string {
    if (key.length <= maxKeyLength) return this.#prefix + key
    return `${this.#prefix}sha256:${createHash('sha256').update(key).digest('base64url')}`
  }

  #count(command: CacheCommand, result: CacheResult): void {
    this.#options.onResult?.(command, result)
  }
}

/**
 * Rejects if the reply takes longer than the limit. The rejection waits for one turn of the event loop, so that a reply
 * that arrived while this process was busy is read first.
 */
function within<T>(limitMs: number, reply: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new RedisFailure('timed out', false))), limitMs)
    reply.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error instanceof Error ? error : new RedisFailure('unknown failure', false))
      },
    )
  })
}
