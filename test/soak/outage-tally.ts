import { percentile } from './tally.ts'

/** What came of asking the same thing again and again. */
interface Asked {
  /** How long each answer took, in milliseconds. */
  readonly durations: number[]
  failures: number
}

/** Questions to a server, by what they are called, and which answers were not as they should be. */
export class OutageTally {
  readonly questions = new Map<string, Asked>()
  /** The first of the wrong answers, as sentences. */
  readonly problems: string[] = []
  readonly #mostProblems = 20

  /** One answer; `problem` says what is wrong with it. */
  told(question: string, durationMs: number, problem: string | undefined, at = Date.now()): void {
    const asked = this.questions.get(question) ?? { durations: [], failures: 0 }
    this.questions.set(question, asked)
    asked.durations.push(durationMs)
    if (problem === undefined) return
    asked.failures += 1
    if (this.problems.length < this.#mostProblems) {
      this.problems.push(`${new Date(at).toISOString()} ${question}: ${problem}`)
    }
  }

  get asked(): number {
    return sum([...this.questions.values()].map(({ durations }) => durations.length))
  }

  get failures(): number {
    return sum([...this.questions.values()].map(({ failures }) => failures))
  }

  rows(): [string, string][] {
    return [...this.questions].map(([question, { durations, failures }]) => {
      const [p50, p99] = [percentile(durations, 0.5), percentile(durations, 0.99)].map((ms) => ms.toFixed(0))
      return [question, `${durations.length} asked, ${failures} wrong, p50 ${p50} ms, p99 ${p99} ms`]
    })
  }
}

/** What falls short, as sentences: wrong answers, and questions that were asked less often than they have to be. */
export function outageShortfalls(tally: OutageTally, least: ReadonlyMap<string, number>): string[] {
  const found = [...tally.problems]
  const untold = tally.failures - found.length
  if (untold > 0) found.push(`and ${untold} more wrong answers`)
  for (const [question, count] of least) {
    const asked = tally.questions.get(question)?.durations.length ?? 0
    if (asked < count) found.push(`${question}: ${asked} asked, fewer than ${count}`)
  }
  return found
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
