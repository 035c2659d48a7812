import { parseArgs } from 'node:util'
import { run } from './run.ts'

/**
 * `npm run test:model -- [--histories N] [--seed S] [--mutation NAME]`: the model test over more histories than `npm
 * test` has time for, over those of one seed again, or over code with something taken from it, which has to fail.
 */
const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    mutation: { type: 'string', default: '' },
  },
})
process.exitCode = await run('vitest', ['run', '--project', 'unit', 'test/model/model.test.ts'], {
  ...process.env,
  SIGNET_MODEL_HISTORIES: values.histories,
  SIGNET_MODEL_SEED: values.seed,
  SIGNET_MODEL_MUTATION: values.mutation,
})
