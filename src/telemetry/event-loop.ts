import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Metrics } from './metrics.ts'

/** The interval of the timers that measure the delay, in milliseconds. */
const resolution = 20
const quantiles = [0.5, 0.99, 0.999, 1]

/**
 * Measures the delay of the event loop: as quantiles since the start of the process, and as a histogram of the maximum of
 * each second. The histogram shows a single long delay among many short ones.
 */
export class EventLoopMonitor {
  readonly #metrics: Pick<Metrics, 'eventLoopDelay' | 'eventLoopDelayQuantile'>
  readonly #everyMs: number
  readonly #life = monitorEventLoopDelay({ resolution })
  /** Measures the maximum of each second. A reset of Node's monitor would lose the delay in progress. */
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

  /** Updates the quantiles. Call it before each rendering of the metrics. */
  collect(): void {
    if (this.#life.count === 0) return
    for (const quantile of quantiles) {
      const nanoseconds = quantile === 1 ? this.#life.max : this.#life.percentile(quantile * 100)
      // The monitor measures the time between two firings, which includes the interval itself.
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
