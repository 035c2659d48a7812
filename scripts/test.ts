import { step } from './run.ts'

/**
 * `npm test`: types, format, lint and build, then every test but the faults, which take minutes each. With arguments
 * (`npm test -- test/keys`, `--project unit`) only vitest runs, with those.
 */
const parameters = process.argv.slice(2)
if (parameters.length === 0) {
  await step('types, format and lint', process.execPath, ['scripts/lint.ts'])
  await step('bundle', process.execPath, ['scripts/build.ts'])
}
const faults = parameters.some((parameter) => parameter.includes('faults') || parameter.startsWith('--project'))
await step('tests', 'vitest', ['run', ...parameters, ...(faults ? [] : ['--project=!faults'])])
