import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../time/clock.ts'
import { isKept } from './cache-limits.ts'
import type { SharedCache } from './shared-cache.ts'

interface MemoryCacheOptions {
  readonly clock?: Clock
  /** Entries kept at most; the one used longest ago goes first. */
  readonly maxEntries?: number
  /** Bytes of keys and values kept at most. */
  readonly maxBytes?: number
}

/**
 * The embedded default: shared by what runs in this process, and by nobody else. With several replicas a value is
 * computed by each, and a key can be claimed once at each.
 */
export class MemoryCache implements SharedCache {
  readonly #values: LRUCache<string, string>
  readonly #listeners = new Map<string, Set<(message: string) => void>>()
  #closed = false

  constructor({
    clock = systemClock,
    maxEntries = 20_000,
    maxBytes = 16 * 1024 * 1024,
  }: MemoryCacheOptions = {}) {
    this.#values = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: (value, key) => 2 * (value.length + key.length),
      perf: { now: () => clock.monotonic() },
      ttlResolution: 0,
    })
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#values.get(key))
  }

  set(key: string, value: string, ttlMs: number): Promise<void> {
    if (!this.#closed && isKept(value, ttlMs)) this.#values.set(key, value, { ttl: ttlMs })
    return Promise.resolve()
  }

  publish(channel: string, message: string): Promise<void> {
    // As over a network: after the publisher has gone on, and with no listener in the way of another.
    for (const listener of this.#listeners.get(channel) ?? [])
      queueMicrotask(() => this.#hears(channel, listener, message))
    return Promise.resolve()
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    const own = (message: string): void => listener(message)
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(own))
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel)
    }
  }

  degraded(): undefined {
    return undefined
  }

  close(): Promise<void> {
    this.#closed = true
    this.#values.clear()
    this.#listeners.clear()
    return Promise.resolve()
  }

  #hears(channel: string, listener: (message: string) => void, message: string): void {
    if (this.#listeners.get(channel)?.has(listener) === true) listener(message)
  }
}
