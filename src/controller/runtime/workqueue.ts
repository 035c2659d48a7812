import { type Clock, systemClock } from '../../time/clock.ts'
import { KeyBackoff } from './backoff.ts'
import { DelayedKeys } from './delayed-keys.ts'

export type Priority = 'high' | 'low'

/** Longest sleep of the timer, in milliseconds: a jump of the wall clock is noticed this late at most. */
const longestSleep = 30_000
/** A step of the wall clock up to this many milliseconds is not a jump. */
const tolerance = 1_000
/** Every 8th key handed out has low priority if one is waiting, to prevent starvation. */
const lowShare = 8

/**
 * Keys to reconcile, with the promises of client-go's workqueue: a key is never processed twice at a time, waits at
 * most once however often it is added, and is handed out again after `done` if it was added meanwhile.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #backoff: KeyBackoff
  readonly #delayed = new DelayedKeys()
  readonly #ready: Readonly<Record<Priority, Set<string>>> = { high: new Set(), low: new Set() }
  readonly #processing = new Set<string>()
  /** Keys that were added while being processed. */
  readonly #again = new Map<string, Priority>()
  readonly #waiters = new Set<(key: string) => void>()
  #taken = 0
  #timer: NodeJS.Timeout | undefined
  #wakesAt = Number.POSITIVE_INFINITY
  /** Wall clock minus monotonic clock at the last reading, and the sum of the jumps ahead; both in milliseconds. */
  #offset: number
  #jumped = 0

  constructor(
    options: { clock?: Clock | undefined; baseDelayMs?: number | undefined; maxDelayMs?: number | undefined } = {},
  ) {
    this.#clock = options.clock ?? systemClock
    this.#backoff = new KeyBackoff({ baseMs: options.baseDelayMs, maxMs: options.maxDelayMs })
    this.#offset = this.#clock.now() - this.#clock.monotonic()
  }

  /** Keys that are ready. */
  get depth(): number {
    return this.#ready.high.size + this.#ready.low.size
  }

  /** Keys that are being processed. */
  get active(): number {
    return this.#processing.size
  }

  /** Keys that are not due yet. */
  get delayed(): number {
    return this.#delayed.size
  }

  /** Priority is high by default. A key that is added twice has the higher of both priorities. */
  add(key: string, { priority = 'high' }: { priority?: Priority } = {}): void {
    if (this.#processing.has(key)) {
      if (this.#again.get(key) !== 'high') this.#again.set(key, priority)
      return
    }
    if (this.#ready.high.has(key)) return
    if (this.#ready.low.has(key)) {
      if (priority === 'low') return
      this.#ready.low.delete(key)
    }
    this.#ready[priority].add(key)
    this.#hand()
  }

  /** Adds the key after this many milliseconds, or at an earlier time that was set before. */
  addAfter(key: string, ms: number): void {
    if (!(ms > 0)) {
      this.add(key)
      return
    }
    this.#delayed.set(key, this.#now() + ms)
    this.#arm()
  }

  /** Adds the key after a failure: after 5 ms, doubled with each failure until `forget`, and at least `leastMs`. */
  addRateLimited(key: string, leastMs = 0): void {
    this.addAfter(key, Math.max(this.#backoff.next(key), leastMs))
  }

  /** Failures in a row. */
  failures(key: string): number {
    return this.#backoff.failures(key)
  }

  forget(key: string): void {
    this.#backoff.forget(key)
  }

  /** The next key; call `done` after processing it. Undefined once the signal is aborted. */
  get(signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const key = this.#waiters.size === 0 ? this.#take() : undefined
    if (key !== undefined) return Promise.resolve(key)
    return new Promise((resolve) => {
      const leave = () => {
        this.#waiters.delete(receive)
        resolve(undefined)
      }
      const receive = (next: string) => {
        signal.removeEventListener('abort', leave)
        resolve(next)
      }
      this.#waiters.add(receive)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  done(key: string): void {
    if (!this.#processing.delete(key)) return
    const priority = this.#again.get(key)
    if (priority === undefined) return
    this.#again.delete(key)
    this.add(key, { priority })
  }

  /** Hands keys to waiting callers of `get`, first come first served. */
  #hand(): void {
    for (const receive of this.#waiters) {
      const key = this.#take()
      if (key === undefined) return
      this.#waiters.delete(receive)
      receive(key)
    }
  }

  #take(): string | undefined {
    const { high, low } = this.#ready
    const lowFirst = low.size > 0 && (high.size === 0 || this.#taken % lowShare === lowShare - 1)
    const set = lowFirst ? low : high
    for (const key of set) {
      set.delete(key)
      this.#processing.add(key)
      this.#taken++
      return key
    }
    return undefined
  }

  /**
   * Milliseconds on a clock that never goes back, and that counts a jump ahead of the wall clock as elapsed time:
   * otherwise a machine that was suspended would renew late by the length of its suspension.
   */
  #now(): number {
    const monotonic = this.#clock.monotonic()
    const offset = this.#clock.now() - monotonic
    if (offset > this.#offset + tolerance) this.#jumped += offset - this.#offset
    if (Math.abs(offset - this.#offset) > tolerance) this.#offset = offset
    return monotonic + this.#jumped
  }

  /** A single timer for all delayed keys. The timer does not keep the process alive. */
  #arm(): void {
    const { next } = this.#delayed
    if (next === undefined || (this.#timer !== undefined && this.#wakesAt <= next)) return
    clearTimeout(this.#timer)
    const now = this.#now()
    const sleep = Math.min(longestSleep, Math.max(0, next - now))
    this.#wakesAt = now + sleep
    this.#timer = setTimeout(() => this.#wake(), Math.ceil(sleep)).unref()
  }

  #wake(): void {
    this.#timer = undefined
    for (const key of this.#delayed.takeDue(this.#now())) this.add(key)
    this.#arm()
  }
}
