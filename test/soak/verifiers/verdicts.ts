/** What a verifier says of one token. */
export type Verdict =
  | {
      readonly kind: 'accepted'
      readonly subject: string
      /** How old its copy of the JWK Set was, in milliseconds, where it can tell. */
      readonly copyAgeMs?: number | undefined
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** It could not judge: no answer, or no key set to judge by. */
  | { readonly kind: 'failed'; readonly reason: string }

/** A token to be shown to a verifier, and what has to come of it. */
export interface Exhibit {
  readonly token: string
  /** What it shows, for the report: `fresh`, `expired`. */
  readonly sample: string
  /** For the report: which token this was. Never the token itself. */
  readonly tokenID: string
  readonly keyID: string
  /** The subject it has to be accepted for; undefined where it has to be refused. */
  readonly subject?: string
}

/** Everything that one verifier said, counted. */
export class Verdicts {
  /** Valid tokens accepted, and hostile ones refused, by sample. */
  readonly right = new Map<string, number>()
  /** Sentences, one for each wrong verdict. */
  readonly falseRejects: string[] = []
  readonly falseAccepts: string[] = []
  readonly noVerdicts: string[] = []
  /** The oldest copy by which a valid token was accepted, in milliseconds. */
  oldestCopyMs = 0

  add(exhibit: Exhibit, verdict: Verdict, at: number): void {
    const { sample, tokenID, keyID, subject } = exhibit
    const told = `${new Date(at).toISOString()} ${sample} token ${tokenID} of key ${keyID}`
    if (verdict.kind === 'failed') this.noVerdicts.push(`${told}: ${verdict.reason}`)
    else if (subject === undefined) {
      if (verdict.kind === 'accepted') this.falseAccepts.push(`${told}: accepted for ${verdict.subject}`)
      else this.count(sample)
    } else if (verdict.kind === 'refused') this.falseRejects.push(`${told}: ${verdict.reason}`)
    else if (verdict.subject !== subject) this.falseRejects.push(`${told}: taken for ${verdict.subject}`)
    else {
      this.count(sample)
      this.oldestCopyMs = Math.max(this.oldestCopyMs, verdict.copyAgeMs ?? 0)
    }
  }

  /** Right verdicts on these samples; on all without. */
  rightOn(samples: readonly string[] = [...this.right.keys()]): number {
    return samples.reduce((sum, sample) => sum + (this.right.get(sample) ?? 0), 0)
  }

  private count(sample: string): void {
    this.right.set(sample, (this.right.get(sample) ?? 0) + 1)
  }
}

export interface Expectation {
  /** Samples that had to be shown, and how often at least. */
  readonly least: ReadonlyMap<string, number>
  /** How old a copy has to have been at least for once, in milliseconds; 0 for a verifier that does not tell. */
  readonly copyAgeMs: number
}

/** Most sentences of each kind that are printed: the first ones say what is wrong. */
const mostTold = 5

/** What falls short of "no false reject, no false accept, and all of it asked", as sentences. */
export function verdictShortfalls(verifier: string, verdicts: Verdicts, expected: Expectation): string[] {
  const found: string[] = []
  const tell = (what: string, sentences: readonly string[]): void => {
    for (const sentence of sentences.slice(0, mostTold)) found.push(`${verifier}: ${what}: ${sentence}`)
    if (sentences.length > mostTold) found.push(`${verifier}: ${what}: ${sentences.length - mostTold} more`)
  }
  tell('false reject', verdicts.falseRejects)
  tell('false accept', verdicts.falseAccepts)
  tell('no verdict', verdicts.noVerdicts)
  for (const [sample, least] of expected.least) {
    const judged = verdicts.right.get(sample) ?? 0
    if (judged < least) found.push(`${verifier}: judged ${judged} times "${sample}", fewer than ${least}`)
  }
  if (verdicts.oldestCopyMs < expected.copyAgeMs) {
    found.push(`${verifier}: its oldest copy was ${verdicts.oldestCopyMs} ms old, less than ${expected.copyAgeMs}`)
  }
  return found
}
