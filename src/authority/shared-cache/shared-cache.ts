/**
 * What replicas share to be fast: a cache and a replay guard, never the truth. Keys are made by this program, with a
 * version and a prefix; whoever reads a value checks that it is what it should be, since others may have written it.
 *
 * No call takes longer than the time-out of the implementation (250 ms), and none ever waits in an unbounded queue.
 */
export interface SharedCache {
  /** Undefined where there is none, and also where the store cannot be asked now: both are a miss. Never rejects. */
  get(key: string): Promise<string | undefined>
  /** Kept for `ttlMs` at most. Never rejects: what could not be stored is not there. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  /** Tells other replicas; a message may be lost, and nothing may depend on it. Never rejects. */
  publish(channel: string, message: string): Promise<void>
  /** Returns how to stop. */
  subscribe(channel: string, listener: (message: string) => void): () => void
  /** Why it is not what it could be, for a metric; undefined where all is well. */
  degraded(): string | undefined
  close(): Promise<void>
}
