import { describe, expect, it } from 'vitest'
import { timeLimit } from './histories.ts'
import { loadModel } from './load.ts'
import { type Mutation, mutations } from './mutation.ts'

/** Far more than any mutation survives. */
const histories = 200

/** What breaks where it is missing. */
const broken: Readonly<Record<Mutation, RegExp>> = {
  'without-publish-ahead': /^I4: K\d+ becomes active/m,
  'without-retain-after-retire': /^I1: .* fails by /m,
  'without-compare-and-swap': /^I[147]: /m,
  'sign-before-publish': /^I1: .* of a key never published is delivered and fails/m,
}

describe('the model', () => {
  it.each(mutations)(
    'notices code %s',
    async (mutation) => {
      const { liveThrough } = await loadModel(mutation)
      const { counterexample } = await liveThrough({ histories, seed: 20_260_601, shrink: false })
      expect(counterexample).toMatch(broken[mutation])
    },
    timeLimit(histories),
  )
})
