import type { SharedCache } from '../../src/authority/shared-cache/shared-cache.ts'

/** A shared cache in memory; any client may write into it. */
export class FakeSharedCache implements SharedCache {
  readonly entries = new Map<string, string>()
  /** What was set, in order, and for how long. */
  readonly sets: { readonly key: string; readonly ttlMs: number }[] = []
  readonly published: string[] = []
  /** How long an answer takes; undefined: it never comes. */
  delayMs: number | undefined = 0
  readonly #listeners = new Map<string, Set<(message: string) => void>>()

  async get(key: string): Promise<string | undefined> {
    const { delayMs } = this
    if (delayMs === undefined) return new Promise(() => undefined)
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    return this.entries.get(key)
  }

  set(key: string, value: string, ttlMs: number): Promise<void> {
    this.sets.push({ key, ttlMs })
    if (ttlMs > 0) this.entries.set(key, value)
    return Promise.resolve()
  }

  publish(channel: string, message: string): Promise<void> {
    this.published.push(message)
    for (const listener of this.#listeners.get(channel) ?? []) listener(message)
    return Promise.resolve()
  }

  subscribe(channel: string, listener: (message: string) => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** Any client of the cache may send this. */
  shout(message: string): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener(message)
  }

  degraded(): undefined {
    return undefined
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
