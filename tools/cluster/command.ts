import { spawn } from 'node:child_process'
import { accessSync, constants, createReadStream, statSync } from 'node:fs'
import { join } from 'node:path'

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  input?: string
  inputFile?: string
  timeoutMs?: number
  /** Called with each line of standard output and standard error. */
  onLine?: (line: string) => void
  /** Give the result back instead of throwing when the exit code is not 0. */
  allowFailure?: boolean
}

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command to its end, within a limit of 60 s unless told otherwise. */
export async function run(command: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { timeoutMs = 60_000, onLine } = options
  const shown = [command, ...args].join(' ').slice(0, 200)
  const child = spawn(command, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: 'pipe' })
  const stdout: string[] = []
  const stderr: string[] = []
  const timeout = AbortSignal.timeout(timeoutMs)
  timeout.addEventListener('abort', () => {
    child.kill('SIGKILL')
    // A child of the command may hold the pipes open.
    child.stdout.destroy()
    child.stderr.destroy()
  })
  child.stdout.setEncoding('utf8').on('data', collect(stdout, onLine))
  child.stderr.setEncoding('utf8').on('data', collect(stderr, onLine))
  // A command that ends before it has read all its input is judged by its exit code.
  child.stdin.on('error', () => undefined)
  if (options.inputFile) createReadStream(options.inputFile).pipe(child.stdin)
  else child.stdin.end(options.input ?? '')
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run "${shown}": ${error.message}`, { cause: error })))
    child.on('close', (exitCode) => resolve(exitCode ?? -1))
  })
  if (timeout.aborted) throw new Error(`command "${shown}" took longer than ${Math.round(timeoutMs / 1000)} s`)
  const result = { code, stdout: stdout.join(''), stderr: stderr.join('') }
  if (code !== 0 && !options.allowFailure) throw new Error(`command "${shown}" failed (${code}): ${said(result)}`)
  return result
}

/** The full path of a program; system directories are searched too, as PATH of a plain user lacks them. */
export function findProgram(name: string, more: string[] = []): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', ...more]
  return directories
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, name))
    .find(isExecutable)
}

/** The full path of a program that has to be there. */
export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (!path) throw new Error(`cannot find program "${name}"`)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function said({ stdout, stderr }: CommandResult): string {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-20).join('\n')
}

function collect(into: string[], onLine?: (line: string) => void): (chunk: string) => void {
  let rest = ''
  return (chunk) => {
    into.push(chunk)
    if (!onLine) return
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
}
