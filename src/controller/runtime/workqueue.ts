import { type Clock, systemClock } from '../../time/clock.ts'
import { KeyBackoff } from './backoff.ts'
import { DelayedKeys } from './delayed-keys.ts'

export type Priority = 'high' | 'low'

/** Longest sleep of the timer, in milliseconds: how late a jump of the wall clock is noticed. */
const longestSleep = 30_000
/** Steps of the wall clock up to this are not jumps, in milliseconds. */
const tolerance = 1_000
/** One key in so many is taken from the low ones, so that they are never starved. */
const lowShare = 8

/**
 * Keys to be worked on, as client-go's workqueue has them: a key is never worked on twice at a time, waits at most once
 * however often it is added, and is taken again after `done` if it was added meanwhile.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #backoff: KeyBackoff
  readonly #delayed = new DelayedKeys()
  readonly #ready: Readonly<Record<Priority, Set<string>>> = { high: new Set(), low: new Set() }
  readonly #processing = new Set<string>()
  /** Added while being worked on. */
  readonly #again = new Map<string, Priority>()
  readonly #waiters = new Set<(key: string) => void>()
  #taken = 0
  #timer: NodeJS.Timeout | undefined
  #wakesAt = Number.POSITIVE_INFINITY
  /** Wall minus monotonic time when last looked at, and how much of it was made up by jumps ahead. */
  #offset: number
  #jumped = 0

  constructor(
    options: { clock?: Clock | undefined; baseDelayMs?: number | undefined; maxDelayMs?: number | undefined } = {},
  ) {
    this.#clock = options.clock ?? systemClock
    this.#backoff = new KeyBackoff({ baseMs: options.baseDelayMs, maxMs: options.maxDelayMs })
    this.#offset = this.#clock.now() - this.#clock.monotonic()
  }

  /** Keys ready to be taken. */
  get depth(): number {
    return this.#ready.high.size + this.#ready.low.size
  }

  /** Keys being worked on. */
  get active(): number {
    return this.#processing.size
  }

  /** Keys that wait for their time. */
  get delayed(): number {
    return this.#delayed.size
  }

  /** High by default; a waiting key rises to the higher of two priorities and never sinks. */
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

  /** Adds the key after so many milliseconds, or at the earlier time it was given before. */
  addAfter(key: string, ms: number): void {
    if (!(ms > 0)) {
      this.add(key)
      return
    }
    this.#delayed.set(key, this.#now() + ms)
    this.#arm()
  }

  /** Adds the key after a failure: after 5 ms at first, doubling with each until `forget`; no sooner than `leastMs`. */
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

  /** The next key, to be given back by `done`; undefined once the signal is aborted. */
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

  /** Gives keys to whoever waits for one, in the order they came. */
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
   * Milliseconds on a clock that never goes back and that takes a jump ahead of the wall clock for time gone by: a
   * machine that slept must not renew late by as long as it slept.
   */
  #now(): number {
    const monotonic = this.#clock.monotonic()
    const offset = this.#clock.now() - monotonic
    if (offset > this.#offset + tolerance) this.#jumped += offset - this.#offset
    if (Math.abs(offset - this.#offset) > tolerance) this.#offset = offset
    return monotonic + this.#jumped
  }

  /** One timer for all that wait. It does not keep the process alive. */
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
