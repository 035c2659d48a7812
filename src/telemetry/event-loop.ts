import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

/** How finely the event loop is watched, in milliseconds: the delay of a timer that shall fire this often. */
const resolution = 20
const quantiles = [0.5, 0.99, 0.999, 1]

/**
 * Watches how long the event loop is held up: over the whole life of the process, and anew for each second, whose
 * longest delay goes into the histogram, so that a single long one shows, however many short ones there were.
 */
export class EventLoopMonitor {
  readonly #metrics: Pick<Metrics, 'eventLoopDelay' | 'eventLoopDelayQuantile'>
  readonly #everyMs: number
  readonly #life = monitorEventLoopDelay({ resolution })
  /** Node's own monitor forgets what it is just measuring when it is reset, so the seconds have a timer of ours. */
  readonly #timer: NodeJS.Timeout
  #firedAt = performance.now()
  #since = this.#firedAt
  #longest = 0

  constructor(metrics: Pick<Metrics, 'eventLoopDelay' | 'eventLoopDelayQuantile'>, everyMs = 1000) {
    this.#metrics = metrics
    this.#everyMs = everyMs
    this.#life.enable()
    this.#timer = setInterval(() => this.#tick(), resolution).unref()
  }

  /** Sets what is read only when somebody looks. */
  collect(): void {
    if (this.#life.count === 0) return
    for (const quantile of quantiles) {
      const nanoseconds = quantile === 1 ? this.#life.max : this.#life.percentile(quantile * 100)
      // What is measured is the time from one firing to the next, of which the resolution itself is no delay.
      const seconds = Math.max(0, nanoseconds / 1e9 - resolution / 1e3)
      this.#metrics.eventLoopDelayQuantile.set({ quantile: String(quantile) }, seconds)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#life.disable()
  }

  #tick(): void {
    const now = performance.now()
    this.#longest = Math.max(this.#longest, now - this.#firedAt - resolution)
    this.#firedAt = now
    if (now - this.#since < this.#everyMs) return
    this.#metrics.eventLoopDelay.observe(this.#longest / 1000)
    this.#since = now
    this.#longest = 0
  }
}
