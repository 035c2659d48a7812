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

/** A readiness check: returns the reason if the process is not ready. */
type Check = () => string | undefined

/** The logs, metrics and probes of a command. */
export interface Operations {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Adds a readiness check. The process is ready when all checks return undefined. */
  addCheck(name: string, check: Check): void
  /** Adds a function to call before each rendering of /metrics, for metrics that are cheaper to compute on demand. */
  onScrape(collect: () => void): void
  /** Makes the process not ready, regardless of the checks. */
  stopping(): void
  close(): Promise<void>
}

/** Starts JSON logs and the servers of /metrics, /livez and /readyz. */
export async function startOperations(command: string, values: OperationsValues): Promise<Operations> {
  const logger = createLogger({ level: values.logLevel, fields: { command } })
  const metrics = createMetrics()
  const checks = new Map<string, Check>()
  const collectors: (() => void)[] = []
  let stopping = false
  const ready = () => {
    const results = [...checks].map(([name, check]) => ({ name, reason: check() }))
    if (stopping) results.push({ name: 'shutdown', reason: 'stopping' })
    // Without checks, the command is still starting.
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

/** How long a server accepts requests after the signal, in milliseconds: until no endpoint list names this replica. */
export const drainMs = 15 * SECOND
