/**
 * A cache that replicas share for speed; never the source of truth. Callers make the keys, with a version and a prefix,
 * and check the values, because other clients may write to the store.
 *
 * Every call ends within the time-out of the implementation (250 ms), and the number of waiting calls is limited.
 */
export interface SharedCache {
  /** Undefined if the key is missing or the store is unavailable: both are misses. Never rejects. */
  get(key: string): Promise<string | undefined>
  /** Stores a value for at most `ttlMs`. Never rejects: a value that could not be stored is a miss later. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Sends a message to the other replicas. Messages may be lost, so nothing may depend on them. Never rejects. */
  publish(channel: string, message: string): Promise<void>
  /** Receives the messages of a channel. Returns a function that unsubscribes. */
  subscribe(channel: string, listener: (message: string) => void): () => void
  /** Why the cache is degraded, for a metric; undefined if it works. */
  degraded(): string | undefined
  close(): Promise<void>
}
