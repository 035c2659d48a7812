import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { authorityHistory, type AuthorityStep, tellStep } from './issuing-keys-steps.ts'
import { AuthorityWorld } from './issuing-keys-world.ts'
import { timeLimit } from './histories.ts'

/** As of the model of identities: what `npm run test:model` sets. */
const { SIGNET_MODEL_HISTORIES, SIGNET_MODEL_SEED } = process.env
const histories = Number(SIGNET_MODEL_HISTORIES ?? 200)
const seed = Number(SIGNET_MODEL_SEED ?? 4242)

function check({ ledger }: AuthorityWorld, after: string): void {
  const [violation] = ledger.violations
  if (violation !== undefined) throw new Error(`after ${after}: ${violation}`)
}

async function live(steps: readonly AuthorityStep[]): Promise<AuthorityWorld> {
  const world = new AuthorityWorld()
  for (const step of steps) {
    await world.do(step)
    check(world, tellStep(step))
  }
  await world.recover()
  check(world, 'all is well again')
  return world
}

describe('whatever happens to the issuing keys', () => {
  it(
    `I1, I2, I4, I10: hold after every write and every token issued of ${histories} random histories`,
    async () => {
      const lived = { keys: 0, tokens: 0 }
      const property = fc.asyncProperty(authorityHistory, async (steps) => {
        const world = await live(steps)
        lived.keys += world.ledger.sets.size
        lived.tokens += world.ledger.tokens
      })
      const result = await fc.check(property, { numRuns: histories, seed })
      const history = (result.counterexample?.[0] ?? []).map(tellStep).join('\n')
      expect(result.failed, `${history}\n${String(result.errorInstance)}`).toBe(false)
      process.stderr.write(`model of the authority: seed ${seed}, ${JSON.stringify({ histories, ...lived })}\n`)
      expect(lived.keys).toBeGreaterThan(histories)
      expect(lived.tokens).toBeGreaterThan(2 * histories)
    },
    timeLimit(histories),
  )
})
