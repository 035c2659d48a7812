import { stepBeside } from './run.ts'

/** The checks cache their results here, and check only files that have changed since. */
const cache = 'node_modules/.cache'

const checks: [title: string, command: string, ...parameters: string[]][] = [
  ['types', 'tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', `${cache}/tsc.json`],
  [
    'format',
    'prettier',
    '--check',
    '--log-level',
    'warn',
    '--cache',
    '--cache-location',
    `${cache}/prettier.json`,
    '.',
  ],
  ['lint', 'eslint', '--max-warnings', '0', '--cache', '--cache-location', `${cache}/eslint/`, '.'],
]

/** Checks types, format and lint in parallel. Resolves with the exit code of a failed check, or 0. */
export async function check(): Promise<number> {
  const codes = await Promise.all(
    checks.map(([title, command, ...parameters]) => stepBeside(title, command, parameters)),
  )
  return codes.find((code) => code !== 0) ?? 0
}
