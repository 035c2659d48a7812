import { readFile } from 'node:fs/promises'

/** Of all processors since the machine came up, in clock ticks (proc_stat(5)). */
export interface ProcessorTime {
  readonly all: number
  /** What a hypervisor gave to other guests while this one wanted it. */
  readonly stolen: number
}

/** Nothing where the kernel does not tell. */
export async function processorTime(): Promise<ProcessorTime> {
  return parseProcessorTime(await readFile('/proc/stat', 'utf8').catch(() => ''))
}

export function parseProcessorTime(stat: string): ProcessorTime {
  const [, fields = ''] = /^cpu +(.*)$/m.exec(stat) ?? []
  // What comes behind these eight, the time of guests of this machine, is counted in the first two already.
  const ticks = fields.split(' ').slice(0, 8).map(Number)
  return { all: ticks.reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 }
}

export function timeBetween(before: ProcessorTime, after: ProcessorTime): ProcessorTime {
  return { all: after.all - before.all, stolen: after.stolen - before.stolen }
}

export function totalTime(times: readonly ProcessorTime[]): ProcessorTime {
  return times.reduce((sum, { all, stolen }) => ({ all: sum.all + all, stolen: sum.stolen + stolen }))
}

/** From 0 to 1. */
export function stolenShare({ all, stolen }: ProcessorTime): number {
  return all === 0 ? 0 : stolen / all
}
