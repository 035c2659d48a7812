/** One look at the mounted token, as the sampler prints it. */
export interface Sample {
  /** Each second, or when the file has changed. */
  readonly kind: 'second' | 'change'
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly secondsLeft: number
  readonly kid: string
  readonly jti: string
  /** Why the token did not verify against the key set served at that moment. */
  readonly problem?: string
}

/** What samples and the writes of the Secret come to. */
export class Tally {
  samples = 0
  leastLeft = Number.POSITIVE_INFINITY
  longestGapMs = 0
  readonly problems: string[] = []
  readonly tokens = new Set<string>()
  readonly keys: string[] = []
  /** Milliseconds from the write of the Secret to the change of the file. */
  readonly delays: number[] = []
  readonly #writtenAt = new Map<string, number>()
  readonly #changedAt = new Map<string, number>()
  #lastAt: number | undefined

  /** The Secret holds this token since then, in milliseconds since the epoch. */
  wrote(jti: string, at: number): void {
    if (this.#writtenAt.has(jti)) return
    this.#writtenAt.set(jti, at)
    this.#compare(jti)
  }

  saw(sample: Sample): void {
    const { kind, at, secondsLeft, kid, jti, problem } = sample
    this.samples += 1
    this.leastLeft = Math.min(this.leastLeft, secondsLeft)
    if (problem !== undefined) this.problems.push(`${new Date(at).toISOString()} token ${jti}: ${problem}`)
    if (this.keys.at(-1) !== kid) this.keys.push(kid)
    this.tokens.add(jti)
    if (kind === 'change') {
      this.#changedAt.set(jti, at)
      this.#compare(jti)
    } else {
      if (this.#lastAt !== undefined) this.longestGapMs = Math.max(this.longestGapMs, at - this.#lastAt)
      this.#lastAt = at
    }
  }

  get renewals(): number {
    return Math.max(0, this.tokens.size - 1)
  }

  get rotations(): number {
    return Math.max(0, this.keys.length - 1)
  }

  /** The word of the watch and that of the pod come in either order. */
  #compare(jti: string): void {
    const [written, changed] = [this.#writtenAt.get(jti), this.#changedAt.get(jti)]
    if (written !== undefined && changed !== undefined) this.delays.push(changed - written)
  }
}

export interface Bar {
  readonly secondsLeft: number
  readonly renewals: number
  readonly rotations: number
  readonly longestGapMs: number
}

/** What falls short of the bar, as sentences; empty where nothing does. */
export function shortfalls(tally: Tally, bar: Bar): string[] {
  const found = [...tally.problems]
  if (tally.leastLeft < bar.secondsLeft) {
    found.push(`a token had ${tally.leastLeft.toFixed(1)} s left, less than ${bar.secondsLeft}`)
  }
  if (tally.renewals < bar.renewals) found.push(`${tally.renewals} renewals were seen, fewer than ${bar.renewals}`)
  if (tally.rotations < bar.rotations) {
    found.push(`${tally.rotations} key rotations were seen, fewer than ${bar.rotations}`)
  }
  if (tally.longestGapMs > bar.longestGapMs) {
    found.push(`nothing was sampled for ${(tally.longestGapMs / 1000).toFixed(1)} s`)
  }
  return found
}

/** The value below which this share of all lies; NaN where there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
