import { stolenShare } from '../../../bench/stolen-time.ts'
import type { Figures, Outcome } from '../soak.ts'
import { percentile } from '../tally.ts'
import type { Found } from './paced-load.ts'

export interface Phase extends Found {
  readonly name: string
  /** Its figures' name. */
  readonly key: string
  /** Whether a request may fail at the first attempt: nothing else is possible when its process is killed. */
  readonly mayFailOnce?: boolean
  /** Whether a replica starts in it, which takes some of the cores that serve. */
  readonly oneStarts?: boolean
}

/** What is compared: others with one replica, and where one starts, with one replica beside which another only starts. */
export interface Compared {
  readonly one: Phase
  readonly beside: Phase
  readonly others: readonly Phase[]
}

/** As fast as what it is compared with is a phase whose percentiles are not above by more than this share and these ms. */
const sameLatency = { p50: { share: 0.5, ms: 1 }, p99: { share: 0.5, ms: 5 } } as const

/** Of the processor time; less happens on any virtual machine. */
const notableShare = 0.02

const columns = ['requests', 'failed', 'after one retry', 'p50', 'p99', 'longest', 'stolen'] as const

/** One row for each phase. */
export function phaseTable(phases: readonly Phase[]): [string, string][] {
  const rows = phases.map((phase): [string, string[]] => {
    const { requests, failed, failedAfterRetry, p50Ms, p99Ms, maxMs, stolen } = phaseFigures(phase)
    const counts = [requests, failed, failedAfterRetry].map(String)
    return [phase.name, [...counts, ...[p50Ms, p99Ms, maxMs].map(ms), percent(stolen)]]
  })
  const cells: [string, readonly string[]][] = [['phase', columns], ...rows]
  const widths = columns.map((_, index) => Math.max(...cells.map(([, values]) => values[index]?.length ?? 0)))
  return cells.map(([name, values]) => [
    name,
    values.map((value, index) => value.padStart(widths[index] ?? 0)).join('  '),
  ])
}

export function phaseFigures({ latencies, failures, failuresAfterRetry, processors }: Found) {
  return {
    requests: latencies.length,
    failed: sum(failures),
    failedAfterRetry: sum(failuresAfterRetry),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
    stolen: stolenShare(processors),
  } satisfies Figures
}

/** What falls short on a path, as sentences: requests that failed where none may, and what waiting was worse than alone. */
export function shortfalls({ one, beside, others }: Compared): Outcome['failures'] {
  return [
    ...[one, beside, ...others].flatMap(failedRequests),
    ...others.filter(wasAsked).flatMap((phase) => {
      const alone = phase.oneStarts === true ? beside : one
      return [...slower('p50', alone, phase), ...slower('p99', alone, phase)]
    }),
  ]
}

function failedRequests({ name, latencies, failures, failuresAfterRetry, mayFailOnce = false }: Phase): string[] {
  if (!wasAsked({ latencies })) return [`${name}: nothing was asked`]
  const bad = mayFailOnce ? failuresAfterRetry : failures
  return Object.entries(bad).map(
    ([reason, times]) => `${name}: ${times} requests failed${mayFailOnce ? ' after one retry' : ''}: ${reason}`,
  )
}

function wasAsked({ latencies }: Pick<Found, 'latencies'>): boolean {
  return latencies.length > 0
}

function slower(figure: keyof typeof sameLatency, alone: Phase, other: Phase): string[] {
  const key = `${figure}Ms` as const
  const [least, found] = [phaseFigures(alone)[key], phaseFigures(other)[key]]
  const { share, ms: more } = sameLatency[figure]
  return found <= least * (1 + share) + more
    ? []
    : [`${other.name}: ${figure} is ${ms(found)}, ${ms(least)} in "${alone.name}"${excuse(other, alone)}`]
}

/** Whether the machine itself may be the reason: what its host takes away meanwhile, no service can answer in. */
function excuse(...phases: readonly Phase[]): string {
  const stolen = Math.max(...phases.map(({ processors }) => stolenShare(processors)))
  return stolen < notableShare ? '' : `, while the host took up to ${percent(stolen)} of the processor time away`
}

function sum(reasons: Found['failures']): number {
  return Object.values(reasons).reduce((all, times) => all + times, 0)
}

function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
