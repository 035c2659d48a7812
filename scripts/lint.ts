import { step } from './run.ts'

await step('types', 'tsc', ['-p', '.'])
await step('format', 'prettier', ['--check', '--log-level', 'warn', '.'])
await step('lint', 'eslint', ['--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'])
