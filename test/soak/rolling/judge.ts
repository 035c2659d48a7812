import type { Figures, Outcome } from '../soak.ts'
import { percentile } from '../tally.ts'
import type { Found } from './paced-load.ts'

export interface Phase extends Found {
  readonly name: string
  /** Its figures' name. */
  readonly key: string
  /** Whether a request may fail at the first attempt: nothing else is possible when its process is killed. */
  readonly mayFailOnce?: boolean
}

/** Two replicas are as fast as one where their percentiles are not above its by more than this share and these ms. */
const sameLatency = { p50: { share: 0.5, ms: 1 }, p99: { share: 0.5, ms: 5 } } as const

const columns = ['requests', 'failed', 'after one retry', 'p50', 'p99', 'longest'] as const

/** One row for each phase. */
export function phaseTable(phases: readonly Phase[]): [string, string][] {
  const rows = phases.map((phase): [string, string[]] => {
    const { requests, failed, failedAfterRetry, p50Ms, p99Ms, maxMs } = phaseFigures(phase)
    return [phase.name, [...[requests, failed, failedAfterRetry].map(String), ...[p50Ms, p99Ms, maxMs].map(ms)]]
  })
  const cells: [string, readonly string[]][] = [['phase', columns], ...rows]
  const widths = columns.map((_, index) => Math.max(...cells.map(([, values]) => values[index]?.length ?? 0)))
  return cells.map(([name, values]) => [
    name,
    values.map((value, index) => value.padStart(widths[index] ?? 0)).join('  '),
  ])
}

export function phaseFigures({ latencies, failures, failuresAfterRetry }: Found) {
  return {
    requests: latencies.length,
    failed: sum(failures),
    failedAfterRetry: sum(failuresAfterRetry),
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: percentile(latencies, 1),
  } satisfies Figures
}

/** What falls short, as sentences: requests that failed where none may, and what waiting was worse with two than one. */
export function shortfalls(phases: readonly Phase[], { one, two }: { one: Found; two: Found }): Outcome['failures'] {
  const [alone, both] = [phaseFigures(one), phaseFigures(two)]
  return [
    ...phases.flatMap(failedRequests),
    ...slower('p50', alone.p50Ms, both.p50Ms),
    ...slower('p99', alone.p99Ms, both.p99Ms),
  ]
}

function failedRequests({ name, latencies, failures, failuresAfterRetry, mayFailOnce = false }: Phase): string[] {
  if (latencies.length === 0) return [`${name}: nothing was asked`]
  const bad = mayFailOnce ? failuresAfterRetry : failures
  return [...bad].map(
    ([reason, times]) => `${name}: ${times} requests failed${mayFailOnce ? ' after one retry' : ''}: ${reason}`,
  )
}

function slower(name: keyof typeof sameLatency, one: number, two: number): string[] {
  const { share, ms: more } = sameLatency[name]
  return two <= one * (1 + share) + more ? [] : [`${name} of two replicas is ${ms(two)}, of one ${ms(one)}`]
}

function sum(reasons: ReadonlyMap<string, number>): number {
  return [...reasons.values()].reduce((all, times) => all + times, 0)
}

function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`
}
