import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Logger } from '../../../logger.ts'
import { isKept, maxValueBytes } from '../cache-limits.ts'
import type { SharedCache } from '../shared-cache.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { openConnection, openSubscription, type RedisConnection, type RedisCredentials } from './client.ts'
import { RedisFailure } from './redis-failure.ts'
import { Link } from './reconnecting-connection.ts'
import type { RedisTarget } from './redis-url.ts'
import { Subscriptions } from './subscriptions.ts'

export type CacheCommand = 'get' | 'set' | 'publish'
/**
 * `hit` and `miss` for what was asked and answered, `ok` where there is no telling the two apart; `error`: the server has
 * refused it, or the connection has ended; `timeout`: no answer in time; `open`: not asked, since the server does not
 * answer; `busy`: not asked, since too much is under way.
 */
export type CacheResult = 'hit' | 'miss' | 'ok' | 'error' | 'timeout' | 'open' | 'busy'

export interface RedisCacheOptions {
  readonly target: RedisTarget
  /** Read for each connection. */
  readonly credentials: () => Promise<RedisCredentials>
  /** Whose cache it is: the keys of two issuers never meet. */
  readonly issuer: string
  readonly logger: Logger
  readonly onResult?: (command: CacheCommand, result: CacheResult) => void
  /** For a command that somebody waits for although going on without it is as good, in milliseconds. */
  readonly readTimeoutMs?: number
  /** For connecting, and for every other command. */
  readonly timeoutMs?: number
  /** Commands that have neither been answered nor lost with their connection; what comes beyond is not asked. */
  readonly maxUnderWay?: number
  /** Time-outs and lost connections in a row after which nothing is asked any more. */
  readonly failures?: number
  /** How long nothing is asked then, at least; and how long from one probe to the next. */
  readonly openMs?: number
  readonly pauseMs?: readonly [number, number]
  readonly heartbeatMs?: number
}

const standard = {
  readTimeoutMs: 50,
  timeoutMs: 250,
  maxUnderWay: 1024,
  failures: 5,
  openMs: 1000,
  pauseMs: [50, 2000],
  heartbeatMs: 5000,
} as const
const maxAnswerBytes = 4 * 1024 * 1024
const maxKeyLength = 256

/**
 * What replicas share, in Redis. Every call ends within its time-out: an answer that does not come is a miss, and after
 * some of those nothing is asked until a probe has been answered. A value is believed to be no more than UTF-8 of at most
 * 16 KiB; of a longer one only so much is fetched.
 */
export class RedisCache implements SharedCache {
  readonly #options: Required<Omit<RedisCacheOptions, 'onResult'>> & Pick<RedisCacheOptions, 'onResult'>
  readonly #prefix: string
  readonly #link: Link<RedisConnection>
  readonly #subscriptions: Subscriptions
  readonly #breaker: CircuitBreaker
  #underWay = 0
  #probe: NodeJS.Timeout | undefined
  #refused: string | undefined
  #closed = false

  constructor(given: RedisCacheOptions) {
    const options = { ...standard, ...given }
    this.#options = options
    const { target, credentials, issuer, logger, timeoutMs, pauseMs, heartbeatMs, failures } = options
    this.#prefix = `signet:v1:${createHash('sha256').update(issuer).digest('base64url').slice(0, 16)}:`
    this.#breaker = new CircuitBreaker({ failures })
    const common = { target, connectTimeoutMs: timeoutMs, silenceMs: 2 * timeoutMs, maxAnswerBytes }
    const openLimitMs = 8 * timeoutMs
    this.#link = new Link<RedisConnection>({
      open: async (events) => openConnection({ ...common, events, credentials: await credentials() }),
      openLimitMs,
      pauseMs,
      onReady: () => logger.info('redis connected'),
      onDown: (reason) => logger.warn('redis is not reached, going on without it', { reason }),
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
      // A full server refuses to write and still answers.
      if (error instanceof RedisFailure && error.answered) this.#refused = error.reason
    }
  }

  async publish(channel: string, message: string): Promise<void> {
    if (message.length > maxValueBytes) return
    try {
      await this.#ask('publish', this.#options.timeoutMs, (redis) => redis.publish(this.#name(channel), message))
      this.#count('publish', 'ok')
    } catch {
      // Lost, as any message may be.
    }
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    return this.#subscriptions.subscribe(this.#name(channel), listener)
  }

  degraded(): string | undefined {
    if (this.#breaker.open) return 'redis does not answer in time'
    const { reason } = this.#link
    if (reason !== undefined) return `redis is not reached: ${reason}`
    if (this.#refused !== undefined) return `redis refuses to write: ${this.#refused}`
    const deaf = this.#subscriptions.reason
    return deaf === undefined ? undefined : `messages of other replicas are not heard: ${deaf}`
  }

  close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#probe)
    this.#subscriptions.close()
    this.#link.close()
    return Promise.resolve()
  }

  /** Rejects with a RedisFailure after having counted it; what went well is the caller's to count. */
  async #ask<T>(command: CacheCommand, limitMs: number, what: (redis: RedisConnection) => Promise<T>): Promise<T> {
    const redis = this.#breaker.open ? undefined : this.#link.ready
    if (redis === undefined) return this.#fail(command, 'open', new RedisFailure('does not answer', false))
    if (this.#underWay >= this.#options.maxUnderWay) {
      return this.#fail(command, 'busy', new RedisFailure('too much under way', false))
    }
    this.#underWay++
    const answer = what(redis).finally(() => this.#underWay--)
    try {
      const value = await within(limitMs, answer)
      this.#breaker.succeeded()
      return value
    } catch (error) {
      const failure = error instanceof RedisFailure ? error : new RedisFailure('timed out', false)
      if (failure.answered) this.#breaker.succeeded()
      // What was lost with its connection is known of already, and another is being opened.
      else if (redis === this.#link.ready && this.#breaker.failed()) this.#opened(failure.reason)
      return this.#fail(command, failure.reason === 'timed out' ? 'timeout' : 'error', failure)
    }
  }

  #fail(command: CacheCommand, result: CacheResult, failure: RedisFailure): never {
    this.#count(command, result)
    throw failure
  }

  /** The connection goes, and with it what it still owes; a new one may lead elsewhere. */
  #opened(reason: string): void {
    this.#options.logger.warn('redis does not answer in time, going on without it', { reason })
    this.#link.reset(reason)
    this.#probeLater()
  }

  /** No caller pays for finding out whether it answers again. */
  #probeLater(): void {
    if (this.#closed) return
    const { openMs, readTimeoutMs, logger } = this.#options
    this.#probe = setTimeout(() => {
      const answer = this.#link.ready?.ping() ?? Promise.reject(new RedisFailure('not connected', false))
      within(readTimeoutMs, answer).then(
        () => {
          this.#breaker.close()
          logger.info('redis answers again')
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
 * The answer, or a rejection after so many milliseconds. Time that this process was busy itself does not count against
 * the other side: what has arrived by then is read first.
 */
function within<T>(limitMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new RedisFailure('timed out', false))), limitMs)
    answer.then(
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
