import fc from 'fast-check'
import { MINUTE, SECOND } from '../../src/time/duration.ts'
import { history, type Step, tell } from './steps.ts'
import { World } from './world.ts'

/** What a number of random histories came to. */
export interface Findings {
  readonly histories: number
  readonly steps: number
  readonly keys: number
  readonly tokens: number
  /** The shortest history found that breaks an invariant, for people; undefined where none does. */
  readonly counterexample?: string
}

/** The time that so many histories get, with all that may run beside them: a hundred times what they need. */
export function timeLimit(histories: number): number {
  return 5 * MINUTE + histories * 3 * SECOND
}

/**
 * Lives through random histories, all of them determined by the seed. The first that breaks an invariant is shrunk,
 * unless a long one will do.
 */
export async function liveThrough(options: { histories: number; seed: number; shrink?: boolean }): Promise<Findings> {
  const { histories, seed, shrink = true } = options
  const lived = { histories: 0, steps: 0, keys: 0, tokens: 0 }
  const property = fc.asyncProperty(history, async (steps) => {
    const world = await live(steps)
    lived.histories += 1
    lived.steps += steps.length
    lived.keys += world.ledger.sets.size
    lived.tokens += world.ledger.tokens
  })
  const result = await fc.check(property, { numRuns: histories, seed, endOnFailure: !shrink })
  if (!result.failed) return lived
  const [steps = []] = result.counterexample ?? []
  const error = result.errorInstance
  const [why, last] = error instanceof BrokenInvariant ? [error.message, error.step] : [String(error), undefined]
  const lines = steps
    .slice(0, (last ?? steps.length) + 1)
    .map((step, index) => `${String(index + 1).padStart(4)}. ${tell(step)}`)
  const counterexample = [
    `history ${result.numRuns} of seed ${result.seed}, shrunk ${result.numShrinks} times (path ${result.counterexamplePath ?? ''}):`,
    ...lines,
    why,
  ].join('\n')
  return { ...lived, counterexample }
}

/** An invariant does not hold after the step of that index. */
export class BrokenInvariant extends Error {
  readonly step: number

  constructor(violation: string, step: number) {
    super(violation)
    this.step = step
  }
}

/** Lives through one history; throws BrokenInvariant. */
export async function live(steps: readonly Step[]): Promise<World> {
  const world = new World()
  for (const [index, step] of steps.entries()) {
    await world.do(step)
    const [violation] = world.ledger.violations
    if (violation !== undefined) throw new BrokenInvariant(violation, index)
  }
  return world
}
