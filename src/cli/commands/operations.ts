import { SECOND } from '../../time/duration.ts'
import type { Logger } from '../../logger.ts'
import { startProbeServer } from '../../server/probes.ts'
import { EventLoopMonitor } from '../../telemetry/event-loop.ts'
import { createLogger, type LogLevel } from '../../telemetry/log.ts'
import { createMetrics, type Metrics } from '../../telemetry/metrics.ts'
import { sharedRendering } from '../../telemetry/shared-rendering.ts'
import { version } from '../version.ts'

interface OperationsValues {
  readonly logLevel: LogLevel
  readonly metricsPort: number
  readonly probePort: number
}

/** One condition of readiness: its name, and why it does not hold. */
type Check = () => string | undefined

/** What every command has: logs, metrics, probes. */
export interface Operations {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Ready once all checks hold; a check gives the reason why not. */
  addCheck(name: string, check: Check): void
  /** Called before each rendering of /metrics, for figures that are cheaper to count then. */
  onScrape(collect: () => void): void
  /** Not ready from now on, whatever the checks say. */
  stopping(): void
  close(): Promise<void>
}

/** Starts what a command needs to be operated: JSON logs, /metrics, /livez and /readyz. */
export async function startOperations(command: string, values: OperationsValues): Promise<Operations> {
  const logger = createLogger({ level: values.logLevel, fields: { command } })
  const metrics = createMetrics()
  const checks = new Map<string, Check>()
  const collectors: (() => void)[] = []
  let stopping = false
  const ready = () => {
    const results = [...checks].map(([name, check]) => ({ name, reason: check() }))
    if (stopping) results.push({ name: 'shutdown', reason: 'stopping' })
    // Nothing to check yet means that the command has not got that far.
    const ok = results.length > 0 && results.every(({ reason }) => reason === undefined)
    return { ok, checks: results }
  }
  const eventLoop = new EventLoopMonitor(metrics)
  collectors.push(() => eventLoop.collect())
  const render = {
    contentType: metrics.contentType,
    render: sharedRendering(
      async () => {
        for (const collect of collectors) collect()
        return metrics.render()
      },
      { holdMs: SECOND },
    ),
  }
  const probes = await startProbeServer({ port: values.probePort, ready, logger })
  const scrape = await startProbeServer({ port: values.metricsPort, ready, metrics: render, logger })
  logger.info('started', { version, node: process.version })
  return {
    logger,
    metrics,
    onScrape: (collect) => void collectors.push(collect),
    addCheck: (name, check) => void checks.set(name, check),
    stopping: () => {
      stopping = true
    },
    close: async () => {
      eventLoop.close()
      await Promise.all([probes.close(), scrape.close()])
    },
  }
}

/** How long a server still answers after the signal, until whoever calls it has heard that this replica leaves. */
export const drainMs = 15 * SECOND

/** Resolves when the signal is aborted, at once where it is already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
