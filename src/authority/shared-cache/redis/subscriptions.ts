import type { RedisConnection } from './client.ts'
import { ReconnectingConnection, type ReconnectEvents } from './reconnecting-connection.ts'

interface SubscriptionsOptions {
  readonly open: (
    events: ReconnectEvents & { message(channel: string, message: string): void },
    attempt: number,
  ) => Promise<RedisConnection>
  readonly openLimitMs: number
  readonly pauseMs: readonly [number, number]
  /** The interval of pings, in milliseconds: a lost idle connection would go unnoticed. */
  readonly heartbeatMs: number
  /** The maximum length of a message, in characters; longer messages are dropped. */
  readonly maxMessage: number
}

type Listener = (message: string) => void

/**
 * Receives messages of other replicas over a separate connection, opened with the first subscription. Every new connection
 * subscribes all channels again; messages sent in between are lost.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #listeners = new Map<string, Set<Listener>>()
  #connection: ReconnectingConnection<RedisConnection> | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  /** Why messages are not received now; undefined if they are, or if there is no subscription. */
  get reason(): string | undefined {
    return this.#connection?.reason
  }

  subscribe(channel: string, listener: Listener): () => void {
    if (this.#closed) return () => undefined
    const own = (message: string): void => listener(message)
    const listeners = this.#listeners.get(channel)
    if (listeners === undefined) {
      this.#listeners.set(channel, new Set([own]))
      if (this.#connection === undefined) this.#start()
      else this.#ask((connection) => connection.subscribe(channel))
    } else listeners.add(own)
    return () => this.#unsubscribe(channel, own)
  }

  close(): void {
    this.#closed = true
    clearInterval(this.#heartbeat)
    this.#listeners.clear()
    this.#connection?.close()
  }

  #unsubscribe(channel: string, listener: Listener): void {
    const listeners = this.#listeners.get(channel)
    if (listeners?.delete(listener) !== true || listeners.size > 0) return
    this.#listeners.delete(channel)
    this.#ask((connection) => connection.unsubscribe(channel))
  }

  #start(): void {
    const { open, openLimitMs, pauseMs, heartbeatMs } = this.#options
    this.#connection = new ReconnectingConnection<RedisConnection>({
      open: (events, attempt) => open({ ...events, message: (...heard) => this.#deliver(...heard) }, attempt),
      openLimitMs,
      pauseMs,
      onReady: () => {
        for (const channel of this.#listeners.keys()) this.#ask((connection) => connection.subscribe(channel))
      },
    })
    this.#heartbeat = setInterval(() => this.#ask((connection) => connection.ping()), heartbeatMs).unref()
  }

  /** A failed command ends the connection; the next connection subscribes all channels again. */
  #ask(what: (connection: RedisConnection) => Promise<void>): void {
    const kept = this.#connection
    const connection = kept?.ready
    if (kept === undefined || connection === undefined) return
    what(connection).catch((error: unknown) => {
      if (kept.ready === connection) kept.reset(error instanceof Error ? error.message : 'no reply')
    })
  }

  #deliver(channel: string, message: string): void {
    if (message.length > this.#options.maxMessage) return
    for (const listener of this.#listeners.get(channel) ?? []) listener(message)
  }
}
