import { describe, expect, it, onTestFinished } from 'vitest'
import { EventLoopMonitor } from '../../src/telemetry/event-loop.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { eventually } from '../builders/eventually.ts'

const value = (text: string, line: string): number =>
  Number(
    text
      .split('\n')
      .find((found) => found.startsWith(`${line} `))
      ?.split(' ')[1] ?? Number.NaN,
  )

describe('the event loop monitor', () => {
  it('shows one long delay in the histogram and as the longest ever, beside many short ones', async () => {
    const metrics = createMetrics()
    const monitor = new EventLoopMonitor(metrics, 50)
    onTestFinished(() => monitor.close())
    const slow = async () => value(await metrics.render(), 'signet_event_loop_delay_seconds_bucket{le="+Inf"}')
    await eventually(async () => expect(await slow()).toBeGreaterThan(2))
    const until = performance.now() + 300
    while (performance.now() < until) Math.sqrt(until)
    await eventually(async () => {
      const text = await metrics.render()
      const within = value(text, 'signet_event_loop_delay_seconds_bucket{le="0.2"}')
      expect(value(text, 'signet_event_loop_delay_seconds_count') - within).toBeGreaterThanOrEqual(1)
    })
    // Short ones come by themselves, sooner or later also where the machine itself is held up.
    await eventually(async () => {
      monitor.collect()
      const text = await metrics.render()
      expect(value(text, 'signet_event_loop_delay_quantile_seconds{quantile="1"}')).toBeGreaterThan(0.2)
      expect(value(text, 'signet_event_loop_delay_quantile_seconds{quantile="0.5"}')).toBeLessThan(0.2)
    })
  })
})
