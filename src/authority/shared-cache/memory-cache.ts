import { LRUCache } from 'lru-cache'
import { type Clock, systemClock } from '../../time/clock.ts'
import { isKept } from './cache-limits.ts'
import type { SharedCache } from './shared-cache.ts'

interface MemoryCacheOptions {
  readonly clock?: Clock
  /** The maximum number of entries; the least recently used one is evicted first. */
  readonly maxEntries?: number
  /** The maximum size of all keys and values, in bytes. */
  readonly maxBytes?: number
}

/** The default cache, in the memory of one process: without Redis, every replica computes its own values. */
export class MemoryCache implements SharedCache {
  readonly #values: LRUCache<string, string>
  readonly #listeners = new Map<string, Set<(message: string) => void>>()
  #closed = false

  constructor({ clock = systemClock, maxEntries = 20_000, maxBytes = 16 * 1024 * 1024 }: MemoryCacheOptions = {}) {
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
    // Asynchronous, as over a network: one listener cannot block the publisher or another listener.
    for (const listener of this.#listeners.get(channel) ?? [])
      queueMicrotask(() => this.#deliver(channel, listener, message))
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

  #deliver(channel: string, listener: (message: string) => void, message: string): void {
    if (this.#listeners.get(channel)?.has(listener) === true) listener(message)
  }
}
