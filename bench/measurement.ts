/** Figures under stable names, with the unit as their ending: `p99Ms`, `residentMb`, `requestsPerSecond`. */
export type Figures = Readonly<Record<string, number>>

/** What a measurement found: figures, and under the name of each peer those of what it is compared with. */
export type Findings = Readonly<Record<string, number | Figures>>

/** Numbers from the command line: `--identities 200` is `{ identities: 200 }`. */
export type Options = Readonly<Record<string, number>>

/** What each measurement's file exports. */
export interface Measurement {
  /** As on the command line; the file has the same name. */
  readonly name: string
  /** One line: what is measured, with what it is compared, which options there are. */
  readonly describe: string
  readonly run: (options: Options) => Promise<Findings>
}

/** The middle value of each figure over several rounds; of an even number of rounds the lower middle. */
export function medianOf(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {})
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((round) => round[name] ?? Number.NaN).sort((a, b) => a - b)
      return [name, values[Math.floor((values.length - 1) / 2)] ?? Number.NaN]
    }),
  )
}

/** Says on standard error what is being done, so that standard output holds the result only. */
export function progress(line: string): void {
  process.stderr.write(`  ${line}\n`)
}
