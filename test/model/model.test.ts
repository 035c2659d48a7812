import { describe, expect, it } from 'vitest'
import { timeLimit } from './histories.ts'
import { loadModel } from './load.ts'
import { mutationNamed } from './mutation.ts'

/** What `npm run test:model` sets: by itself more histories, of another seed each time. */
const { SIGNET_MODEL_HISTORIES, SIGNET_MODEL_SEED, SIGNET_MODEL_MUTATION } = process.env
const histories = Number(SIGNET_MODEL_HISTORIES ?? 1000)
const seed = Number(SIGNET_MODEL_SEED ?? 4242)

describe('whatever happens to an identity and its controllers', () => {
  it(
    `I1, I2, I4, I10: hold after every write of ${histories} random histories`,
    async () => {
      const { liveThrough } = await loadModel(mutationNamed(SIGNET_MODEL_MUTATION))
      const { counterexample, ...lived } = await liveThrough({ histories, seed })
      process.stderr.write(`model: seed ${seed}, ${JSON.stringify(lived)}\n`)
      expect(counterexample, counterexample).toBeUndefined()
      // Histories in which nothing happens would prove nothing; a few may be such.
      const few = 100
      expect(lived.keys).toBeGreaterThan(histories - few)
      expect(lived.tokens).toBeGreaterThan(2 * (histories - few))
    },
    timeLimit(histories),
  )
})
