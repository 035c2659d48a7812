import { stepBeside } from './run.ts'

/** Each check keeps its findings here, and looks only at what has changed since. */
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

/** Checks types, format and lint side by side; the exit code of one that failed, else 0. */
export async function check(): Promise<number> {
  const codes = await Promise.all(
    checks.map(([title, command, ...parameters]) => stepBeside(title, command, parameters)),
  )
  return codes.find((code) => code !== 0) ?? 0
}
