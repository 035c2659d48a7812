import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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

/** Says what is being done, runs it, and ends this process with its exit code where it fails. */
export async function step(title: string, command: string, parameters: readonly string[]): Promise<void> {
  const started = performance.now()
  process.stderr.write(`\n▸ ${title}\n`)
  const code = await run(command, parameters)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  process.stderr.write(`  ${code === 0 ? 'done' : `failed with exit code ${code}`} in ${seconds} s\n`)
  if (code !== 0) process.exit(code)
}
