import { join } from 'node:path'
import { directoryParts } from '../../tools/cluster/cache-key.ts'
import { cachedDirectory } from '../../tools/cluster/cached-directory.ts'
import { findProgram, run } from '../../tools/cluster/command.ts'
import type { Log } from '../../tools/cluster/log.ts'

/** Path of a program whose sources, with their `go.mod`, are in a directory; built once and kept in the cache. */
export async function goProgram(name: string, sources: string, log: Log): Promise<string> {
  const go = findProgram('go', ['/usr/local/go/bin'])
  if (go === undefined) throw new Error('no "go" in PATH: install Go 1.25 or newer')
  const parts = { ...directoryParts(sources), version: (await run(go, ['env', 'GOVERSION'])).stdout }
  const directory = await cachedDirectory({
    folder: 'soak',
    name,
    parts,
    log,
    make: async (output) => {
      const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
      const options = { cwd: sources, env, timeoutMs: 10 * 60_000 }
      await run(go, ['build', '-mod=readonly', '-buildvcs=false', '-o', join(output, name), '.'], options)
    },
  })
  return join(directory, name)
}
