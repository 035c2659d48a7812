import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { notedSteps, type StepTime } from '../scripts/step-times.ts'

/** A test file that ran; times are milliseconds since the epoch. */
export interface FileTime {
  readonly project: string
  readonly file: string
  readonly tests: number
  readonly began: number
  readonly ended: number
}

const slowest = 10

/** Prints at the end of a run where its time went: each project, each step beside the tests, and the slowest files. */
export class TimeSpent implements Reporter {
  readonly #files: FileTime[] = []
  /** When a worker took a file up. The module object is another one at the file's end. */
  readonly #taken = new Map<string, number>()
  #began = Date.now()
  #isWatching = false

  onInit(vitest: Vitest): void {
    this.#isWatching = vitest.config.watch
  }

  onTestRunStart(): void {
    this.#files.length = 0
    this.#began = Date.now()
  }

  onTestModuleQueued(module: TestModule): void {
    this.#taken.set(key(module), Date.now())
  }

  onTestModuleEnd(module: TestModule): void {
    const ended = Date.now()
    this.#files.push({
      project: module.project.name,
      file: module.relativeModuleId,
      tests: [...module.children.allTests()].length,
      began: this.#taken.get(key(module)) ?? ended,
      ended,
    })
  }

  onTestRunEnd(): void {
    if (this.#isWatching || this.#files.length < 2) return
    const steps = notedSteps()
    const began = Math.min(this.#began, ...steps.map((step) => step.began))
    console.log(`\n${timeTables(began, this.#files, steps)}`)
  }
}

const key = ({ project, moduleId }: TestModule) => `${project.name} ${moduleId}`

/** Rows of several projects overlap in time: the columns `from` and `to` are seconds since the run began. */
export function timeTables(began: number, files: readonly FileTime[], steps: readonly StepTime[]): string {
  const since = (at: number) => seconds(at - began)
  const span = (parts: readonly { began: number; ended: number }[]) => [
    since(Math.min(...parts.map((part) => part.began))),
    since(Math.max(...parts.map((part) => part.ended))),
  ]
  const projects = [...Map.groupBy(files, ({ project }) => project)].map(([project, own]) => [
    project,
    `${own.length}`,
    `${own.reduce((sum, { tests }) => sum + tests, 0)}`,
    seconds(own.reduce((sum, file) => sum + file.ended - file.began, 0)),
    ...span(own),
  ])
  const others = steps.map((step) => [step.name, '', '', seconds(step.ended - step.began), ...span([step])])
  const longest = [...files].sort((a, b) => b.ended - b.began - (a.ended - a.began)).slice(0, slowest)
  return [
    table(['where the time went', 'files', 'tests', 'seconds', 'from', 'to'], [...others, ...projects]),
    table(
      [`slowest ${longest.length} files`, 'project', 'tests', 'seconds'],
      longest.map((file) => [file.file, file.project, `${file.tests}`, seconds(file.ended - file.began)]),
    ),
  ].join('\n\n')
}

const seconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1)

/** The first column is text, the others are right-aligned. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
  return [head, ...rows].map((row) => ` ${line(row).join('  ')}`).join('\n')
}
