import { Counter, Gauge, Histogram } from '@prometheus-io/client'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { code, page, section, table } from './markdown.ts'

/** One metric of Signet; `labels` without those that the type adds, such as `le`. */
export interface Metric {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly help: string
}

/** The members of a metric that its class does not declare. */
interface Described {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly string[]
}

const types = [
  [Counter, 'counter'],
  [Gauge, 'gauge'],
  [Histogram, 'histogram'],
] as const

/** The metrics that `createMetrics` makes. */
export function metricsOf(): Metric[] {
  return Object.values(createMetrics()).flatMap((made: unknown) => {
    const type = types.find(([kind]) => made instanceof kind)?.[1]
    if (type === undefined) return []
    const { name, help, labelNames } = made as Described
    return [{ name, type, labels: labelNames, help }]
  })
}

/** docs/reference/metrics.md: every metric that a process serves at /metrics. */
export function metricsPage(): string {
  const rows = metricsOf()
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help])
  return page(
    'Metrics',
    'Every process serves these metrics in the text format of Prometheus at `/metrics`, on the port `--metrics-port` ' +
      '(8080). A metric without a value in a process stays at 0 or has no series there. No label holds the name of a ' +
      'namespace or an identity.',
    '`src/telemetry/metrics.ts`',
    [
      section('Metrics of Signet', table(['Name', 'Type', 'Labels', 'Description'], rows)),
      section(
        'Metrics of the process',
        'In addition, each process serves the default metrics of the client library: `process_*` for CPU time, memory and ' +
          'file descriptors, and `nodejs_*` for the event loop, the heap and garbage collection.',
      ),
    ],
  )
}
