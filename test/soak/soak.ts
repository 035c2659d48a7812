/** A test that takes minutes to hours, run by hand: `npm run soak -- NAME`. */
export interface Soak {
  /** One line: what happens, and what must hold. */
  readonly describe: string
  readonly defaultMinutes: number
  /** Below this it could not show what it is there to show. */
  readonly leastMinutes: number
  /** Whether it runs on the one-node cluster, which is brought up for it and ended where it was not there before. */
  readonly onCluster: boolean
  readonly run: (minutes: number, log: (line: string) => void) => Promise<Outcome>
}

export interface Outcome {
  /** Name and value of each figure. */
  readonly table: readonly (readonly [string, string])[]
  /** The same for programs: figures under stable names, with the unit as their ending. */
  readonly figures: Figures
  /** What fell short, as sentences; empty where all held. */
  readonly failures: readonly string[]
}

export interface Figures {
  readonly [name: string]: number | Figures
}
