import { describe, expect, it } from 'vitest'
import { steadyIdentities } from './identities.ts'
import { leastOf, type Observed, outcomeOf, progressOf } from './report.ts'
import { validSamples } from './rounds.ts'
import type { Verifier } from './verifier.ts'
import { type Exhibit, Verdicts } from './verdicts.ts'

const minutes = 2
const verifier = (knowsSubjectOfKey: boolean): Verifier => ({
  name: 'jose',
  knowsSubjectOfKey,
  judge: () => Promise.reject(new Error('not asked here')),
  stop: () => Promise.resolve(),
})
const exhibit = (sample: string, valid: boolean): Exhibit => ({
  token: 'x',
  sample,
  tokenID: 't',
  keyID: 'k',
  ...(valid ? { subject: 'a' } : {}),
})
const valid: readonly string[] = Object.values(validSamples)

/** A verifier that has judged as often as it has to, and rightly. */
function faultless(knowsSubjectOfKey = true) {
  const both = verifier(knowsSubjectOfKey)
  const party = { name: 'jose', forValid: both, forHostile: both, verdicts: new Verdicts(), copyAgeMs: 25_000 }
  for (const [sample, count] of leastOf(minutes, party)) {
    for (let number = 0; number < count; number += 1) {
      const accepted = { kind: 'accepted', subject: 'a', copyAgeMs: 29_940 } as const
      const isValid = valid.includes(sample)
      party.verdicts.add(exhibit(sample, isValid), isValid ? accepted : { kind: 'refused', reason: 'no' }, 0)
    }
  }
  return party
}

const observed: Observed = {
  shown: 1000,
  problems: [],
  rotations: new Map(steadyIdentities.map((name) => [name, minutes])),
  firstDelaysMs: [5, 9],
  publishedMs: [30_010, 30_002],
  servedKeys: 44,
}

describe('the report', () => {
  it('finds nothing short where every verifier judged all and rightly', () => {
    const { table, figures, failures } = outcomeOf(minutes, [faultless(), faultless(false)], observed)
    expect(failures).toEqual([])
    expect(table.at(-1)).toEqual(['jose', '0 false rejects of 279, 0 false accepts of 787, oldest copy 29.9 s'])
    expect(figures).toMatchObject({ rotations: 20, leastPublishedMs: 30_002, firstTokenP99Ms: 9 })
    expect(figures.verifiers).toEqual({
      jose: { accepted: 279, refused: 787, falseRejects: 0, falseAccepts: 0, noVerdicts: 0, oldestCopyMs: 29_940 },
    })
  })

  it('tells each false verdict, and counts it on the way', () => {
    const party = faultless()
    party.verdicts.add(exhibit(validSamples.first, true), { kind: 'refused', reason: 'no such key' }, 0)
    party.verdicts.add(exhibit('alg none', false), { kind: 'accepted', subject: 'a' }, 0)
    expect(outcomeOf(minutes, [party], observed).failures).toEqual([
      'jose: false reject: 1970-01-01T00:00:00.000Z the first of a fresh key token t of key k: no such key',
      'jose: false accept: 1970-01-01T00:00:00.000Z alg none token t of key k: accepted for a',
    ])
    expect(progressOf([party], observed)).toBe(
      '1000 tokens shown to 1 verifiers, 20 key rotations, 1 false rejects, 1 false accepts, 0 no verdict',
    )
  })

  it('finds a key that was not rotated, a round that was not shown, and a verifier that was not asked', () => {
    const idle = { ...faultless(), verdicts: new Verdicts() }
    const rotations = new Map([...observed.rotations, ['steady-0', 0]])
    const { failures } = outcomeOf(minutes, [idle], { ...observed, rotations, problems: ['no active key'] })
    expect(failures).toContain('jose: judged 0 times "the first of a fresh key", fewer than 9')
    expect(failures).toContain('jose: judged 0 times "key of a deleted identity", fewer than 31')
    expect(failures.slice(-2)).toEqual([
      'a round could not be shown: no active key',
      'steady-0 rotated its key 0 times in 2 minutes',
    ])
  })
})
