import type { Figures, Outcome } from '../soak.ts'
import { percentile } from '../tally.ts'
import type { Found } from './paced-load.ts'

export interface Phase extends Found {
  readonly name: string
  /** Its figures' name. */
  readonly key: string
  /** Whether a request may fail at the first attempt: nothing else is possible when its process is killed. */
  readonly mayFailOnce?: boolean
  /** Whether a replica starts in it. */
  readonly oneStarts?: boolean
}

/** Others are as fast as one replica where their percentiles are not above its by more than this share and these ms. */
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

/**
 * What falls short on a path, as sentences: requests that failed where none may, and what waiting was worse than with one.
 * While a replica starts, the last hundredth is not judged: it waits for the cores that the start takes from those that serve.
 */
export function shortfalls({ one, others }: { one: Phase; others: readonly Phase[] }): Outcome['failures'] {
  const alone = phaseFigures(one)
  return [
    ...[one, ...others].flatMap(failedRequests),
    ...others.filter(wasAsked).flatMap((phase) => {
      const { p50Ms, p99Ms } = phaseFigures(phase)
      return [
        ...slower('p50', alone.p50Ms, p50Ms, phase),
        ...(phase.oneStarts === true ? [] : slower('p99', alone.p99Ms, p99Ms, phase)),
      ]
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

function slower(figure: keyof typeof sameLatency, one: number, other: number, { name }: Phase): string[] {
  const { share, ms: more } = sameLatency[figure]
  return other <= one * (1 + share) + more ? [] : [`${name}: ${figure} is ${ms(other)}, of one replica ${ms(one)}`]
}

function sum(reasons: Found['failures']): number {
  return Object.values(reasons).reduce((all, times) => all + times, 0)
}

function ms(value: number): string {
  return `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`
}
