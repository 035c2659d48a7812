import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check } from './checks.ts'
import { step } from './run.ts'
import { stepTimesVariable } from './step-times.ts'

/**
 * `npm test`: the bundle, then every test but the faults, which take minutes each; types, format and lint are checked
 * beside them. With arguments (`npm test -- test/keys`, `--project unit`) only vitest runs, with those.
 */
const parameters = process.argv.slice(2)
const faults = parameters.some((parameter) => parameter.includes('faults') || parameter.startsWith('--project'))
const tests = ['run', ...parameters, ...(faults ? [] : ['--project=!faults'])]

const directory = await mkdtemp(join(tmpdir(), 'signet-test-'))
process.env[stepTimesVariable] = join(directory, 'steps')
try {
  process.exitCode = parameters.length > 0 ? await step('tests', 'vitest', tests) : await everything()
} finally {
  await rm(directory, { recursive: true, force: true })
}

async function everything(): Promise<number> {
  const bundled = await step('bundle', process.execPath, ['scripts/build.ts'])
  if (bundled !== 0) return bundled
  // A check that cannot be started must not end this process, whose tests would go on without it.
  const checks = check().catch((error: unknown) => {
    process.stderr.write(`\n${String(error)}\n`)
    return 1
  })
  const tested = await step('tests', 'vitest', tests)
  const checked = await checks
  if (checked !== 0) process.stderr.write('\ntypes, format or lint failed: see its output above\n')
  return tested === 0 ? checked : tested
}
