import type { RedisConnection } from './client.ts'
import { Link, type LinkEvents } from './reconnecting-connection.ts'

interface SubscriptionsOptions {
  readonly open: (
    events: LinkEvents & { message(channel: string, message: string): void },
    attempt: number,
  ) => Promise<RedisConnection>
  readonly openLimitMs: number
  readonly pauseMs: readonly [number, number]
  /** How often the connection is asked whether it still lives: one on which nothing is said dies unnoticed. */
  readonly heartbeatMs: number
  /** Messages that are longer are not passed on, in characters. */
  readonly maxMessage: number
}

type Listener = (message: string) => void

/**
 * What is heard of other replicas, over a connection of its own that is opened when somebody first listens. After each
 * new connection all channels are subscribed again; what was said in between is lost.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #listeners = new Map<string, Set<Listener>>()
  #link: Link<RedisConnection> | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Why nothing may be heard now; undefined also where nobody listens. */
  get reason(): string | undefined {
    return this.#link?.reason
  }

  subscribe(channel: string, listener: Listener): () => void {
    if (this.#closed) return () => undefined
    const own = (message: string): void => listener(message)
    const listeners = this.#listeners.get(channel)
    if (listeners === undefined) {
      this.#listeners.set(channel, new Set([own]))
      if (this.#link === undefined) this.#start()
      else this.#ask((connection) => connection.subscribe(channel))
    } else listeners.add(own)
    return () => this.#unsubscribe(channel, own)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#heartbeat)
    this.#listeners.clear()
    this.#link?.close()
  }

  #unsubscribe(channel: string, listener: Listener): void {
    const listeners = this.#listeners.get(channel)
    if (listeners?.delete(listener) !== true || listeners.size > 0) return
    this.#listeners.delete(channel)
    this.#ask((connection) => connection.unsubscribe(channel))
  }

  #start(): void {
    const { open, openLimitMs, pauseMs, heartbeatMs } = this.#options
    this.#link = new Link<RedisConnection>({
      open: (events, attempt) => open({ ...events, message: (...heard) => this.#hear(...heard) }, attempt),
      openLimitMs,
      pauseMs,
      onReady: () => {
        for (const channel of this.#listeners.keys()) this.#ask((connection) => connection.subscribe(channel))
      },
    })
    this.#heartbeat = setInterval(() => this.#ask((connection) => connection.ping()), heartbeatMs).unref()
  }

  /** What is asked in vain ends the connection: on the next one everything is subscribed anew. */
  #ask(what: (connection: RedisConnection) => Promise<void>): void {
    const link = this.#link
    const connection = link?.ready
    if (link === undefined || connection === undefined) return
    what(connection).catch((error: unknown) => {
      if (link.ready === connection) link.reset(error instanceof Error ? error.message : 'no answer')
    })
  }

  #hear(channel: string, message: string): void {
    if (message.length > this.#options.maxMessage) return
    for (const listener of this.#listeners.get(channel) ?? []) listener(message)
  }
}
