import type { Figures, Outcome } from '../soak.ts'
import { percentile } from '../tally.ts'
import { anotherKeySample, hostileSamples } from './exhibits.ts'
import { steadyIdentities } from './identities.ts'
import type { Party } from './parties.ts'
import { deletedSample, validSamples } from './rounds.ts'
import { verdictShortfalls } from './verdicts.ts'

/** When the identity is deleted, in seconds from the beginning. */
export const deletedAt = (minutes: number): number => Math.round(minutes * 20)
/** How much later no copy has its keys any more: the sweep (10 s at most), and the age of the oldest copy. */
export const forgottenAfterSeconds = 45

/** What was seen besides verdicts. */
export interface Observed {
  readonly shown: number
  readonly problems: readonly string[]
  readonly rotations: ReadonlyMap<string, number>
  /** From the moment a key became active, by the controller's word, to its first token being shown. */
  readonly firstDelaysMs: readonly number[]
  /** From the publication of each key to its activation, as the rings say. */
  readonly publishedMs: readonly number[]
  readonly servedKeys: number
}

const valid = Object.values(validSamples)
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0)

export function progressOf(
  parties: readonly Party[],
  { shown, rotations }: Pick<Observed, 'shown' | 'rotations'>,
): string {
  const count = (of: 'falseRejects' | 'falseAccepts' | 'noVerdicts') =>
    sum(parties.map(({ verdicts }) => verdicts[of].length))
  return (
    `${shown} tokens shown to ${parties.length} verifiers, ${sum(rotations.values())} key rotations, ` +
    `${count('falseRejects')} false rejects, ${count('falseAccepts')} false accepts, ${count('noVerdicts')} no verdict`
  )
}

export function outcomeOf(minutes: number, parties: readonly Party[], observed: Observed): Outcome {
  const { shown, rotations, firstDelaysMs, publishedMs, servedKeys } = observed
  const figures = {
    shown,
    rotations: sum(rotations.values()),
    servedKeys,
    leastPublishedMs: Math.min(...publishedMs),
    firstTokenP99Ms: percentile(firstDelaysMs, 0.99),
  }
  return {
    table: [
      ['minutes', String(minutes)],
      ['tokens shown to each verifier', String(shown)],
      ['key rotations', String(figures.rotations)],
      ['keys served at the end', String(servedKeys)],
      ['least time from publication to first use', `${figures.leastPublishedMs} ms`],
      ['key active to its first token shown, p99', `${figures.firstTokenP99Ms} ms`],
      ...parties.map(rowOf),
    ],
    figures: { ...figures, verifiers: Object.fromEntries(parties.map((party) => [party.name, figuresOf(party)])) },
    failures: failuresOf(minutes, parties, observed),
  }
}

function rowOf({ name, verdicts }: Party): [string, string] {
  const { falseRejects, falseAccepts, oldestCopyMs } = verdicts
  const accepted = verdicts.rightOn(valid)
  const refused = verdicts.rightOn() - accepted
  const age = oldestCopyMs === 0 ? '' : `, oldest copy ${(oldestCopyMs / 1000).toFixed(1)} s`
  const ofValid = `${falseRejects.length} false rejects of ${accepted + falseRejects.length}`
  return [name, `${ofValid}, ${falseAccepts.length} false accepts of ${refused + falseAccepts.length}${age}`]
}

function figuresOf({ verdicts }: Party): Figures {
  const { falseRejects, falseAccepts, noVerdicts, oldestCopyMs } = verdicts
  return {
    accepted: verdicts.rightOn(valid),
    refused: verdicts.rightOn() - verdicts.rightOn(valid),
    falseRejects: falseRejects.length,
    falseAccepts: falseAccepts.length,
    noVerdicts: noVerdicts.length,
    oldestCopyMs: Math.round(oldestCopyMs),
  }
}

function failuresOf(minutes: number, parties: readonly Party[], { problems, rotations }: Observed): string[] {
  const slow = steadyIdentities.filter((name) => (rotations.get(name) ?? 0) < minutes - 1)
  return [
    ...parties.flatMap((party) => {
      const expected = { least: leastOf(minutes, party), copyAgeMs: party.copyAgeMs }
      return verdictShortfalls(party.name, party.verdicts, expected)
    }),
    ...problems.map((problem) => `a round could not be shown: ${problem}`),
    ...slow.map((name) => `${name} rotated its key ${rotations.get(name) ?? 0} times in ${minutes} minutes`),
  ]
}

/** How often each sample has to have been judged by a verifier: what the plan gives, less a tenth. */
export function leastOf(minutes: number, { forHostile }: Pick<Party, 'forHostile'>): Map<string, number> {
  const seconds = minutes * 60
  const planned: [string, number][] = [
    [validSamples.fresh, seconds],
    [validSamples.mounted, seconds],
    // A key retires after a minute at the earliest.
    [validSamples.retired, seconds - 60],
    [validSamples.first, (minutes - 1) * steadyIdentities.length],
    [deletedSample, seconds - deletedAt(minutes) - forgottenAfterSeconds],
    ...hostileSamples.map((sample): [string, number] => [sample, seconds]),
    ...(forHostile.knowsSubjectOfKey ? [[anotherKeySample, seconds] as [string, number]] : []),
  ]
  return new Map(planned.map(([sample, count]) => [sample, Math.floor(count * 0.9)]))
}
