import { spawn } from 'node:child_process'
import { setPriority } from 'node:os'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { noteStep } from './step-times.ts'

/** The folder of package.json. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/** Runs a program in the project's folder with its output shown; its exit code, 1 where a signal ended it. */
export function run(
  command: string,
  parameters: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, parameters, { cwd: root, stdio: 'inherit', env })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/** Prints the title, runs a program and resolves with its exit code. */
export async function step(title: string, command: string, parameters: readonly string[]): Promise<number> {
  const began = Date.now()
  process.stderr.write(`\n▸ ${title}\n`)
  const code = await run(command, parameters)
  noteStep(title, began)
  process.stderr.write(`  ${result(code, began)}\n`)
  return code
}

/**
 * Runs a program at a low priority, beside others. Prints its output in one piece at the end, so that it does not mix
 * with the output of the others. Resolves with the exit code, or 1 if a signal ended the program.
 */
export async function stepBeside(title: string, command: string, parameters: readonly string[]): Promise<number> {
  const began = Date.now()
  const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  child.once('spawn', () => setPriority(child.pid ?? 0, 10))
  const [code, out, errors] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  noteStep(title, began)
  process.stderr.write(`\n▸ ${title}\n${out}${errors}  ${result(code, began)}\n`)
  return code
}

function result(code: number, began: number): string {
  const seconds = ((Date.now() - began) / 1000).toFixed(1)
  return `${code === 0 ? 'done' : `failed with exit code ${code}`} in ${seconds} s`
}
