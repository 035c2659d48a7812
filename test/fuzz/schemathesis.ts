import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedDirectory } from '../../tools/cluster/cached-directory.ts'
import { findProgram, run } from '../../tools/cluster/command.ts'
import type { Log } from '../../tools/cluster/log.ts'
import { noProxy } from '../../tools/cluster/no-proxy.ts'

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url))
const hooks = fileURLToPath(new URL('hooks.py', import.meta.url))

/**
 * What every answer has to keep to. Not asked: whether it accepts all that its schema allows and nothing else, for no
 * schema says which tokens are good.
 */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
]

/** Says that it cannot be decided now, with the time to ask again, which the header check demands. */
const configuration = `
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
`

export interface FuzzOptions {
  /** The server, and what it says of itself. */
  readonly url: string
  readonly description: object
  readonly caFile: string
  readonly minutes: number
  readonly seed: number
  /** For its files. */
  readonly directory: string
  readonly given: Given
}

/** What no generator can guess. */
export interface Given {
  readonly tokens: Readonly<Record<'serviceAccount' | 'signet', readonly string[]>>
  /** Path parameters of something that exists. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface FuzzResult {
  readonly passed: boolean
  /** How often each operation was answered with each status: `GET /jwks.json GET 200`. */
  readonly counts: Readonly<Record<string, number>>
}

/** The Python packages, kept between runs and keyed by what they are. */
export async function prepareSchemathesis(log: Log): Promise<{ python: string; pythonPath: string }> {
  const python = findProgram('python3')
  if (python === undefined) throw new Error('no "python3" in PATH: install Python 3.10 or newer with pip')
  const version = (await run(python, ['--version'])).stdout.trim()
  const parts = { version, requirements: await readFile(requirements) }
  const make = async (directory: string): Promise<void> => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-cache-dir', '--no-deps']
    await run(python, [...pip, '--target', directory, '-r', requirements], { timeoutMs: 10 * 60_000 })
  }
  return { python, pythonPath: await cachedDirectory({ folder: 'fuzz', name: 'python', parts, log, make }) }
}

/** Runs it with its output shown. Ended with its time, and for sure two minutes after. */
export async function runSchemathesis(
  { python, pythonPath }: { python: string; pythonPath: string },
  { url, description, caFile, minutes, seed, directory, given }: FuzzOptions,
): Promise<FuzzResult> {
  const files = Object.fromEntries(
    ['schemathesis.toml', 'openapi.json', 'given.json', 'counts.json'].map((name) => [name, join(directory, name)]),
  )
  await writeFile(files['schemathesis.toml'] ?? '', configuration)
  // From a file: asked for where it is, the description would not be tested itself.
  await writeFile(files['openapi.json'] ?? '', JSON.stringify(description))
  await writeFile(files['given.json'] ?? '', JSON.stringify(given), { mode: 0o600 })
  const child = spawn(
    python,
    [
      ...['-m', 'schemathesis.cli', '--config-file', files['schemathesis.toml'] ?? ''],
      ...['run', files['openapi.json'] ?? '', '--url', url, '--tls-verify', caFile],
      ...['--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing'],
      ...['--max-time', String(Math.round(minutes * 60)), '--seed', String(seed), '--workers', '2'],
      ...['--continue-on-failure', '--request-timeout', '15', '--warnings', 'off'],
    ],
    {
      cwd: directory,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: (minutes + 2) * 60_000,
      killSignal: 'SIGKILL',
      env: {
        ...process.env,
        ...noProxy(),
        PYTHONPATH: pythonPath,
        PYTHONDONTWRITEBYTECODE: '1',
        SCHEMATHESIS_HOOKS: hooks,
        SIGNET_FUZZ_GIVEN: files['given.json'],
        SIGNET_FUZZ_COUNTS: files['counts.json'],
      },
    },
  )
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
  const counts = JSON.parse(await readFile(files['counts.json'] ?? '', 'utf8')) as Record<string, number>
  return { passed: code === 0, counts }
}
