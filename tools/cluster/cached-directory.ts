import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheKey } from './cache-key.ts'
import { withLock } from './lock.ts'
import type { Log } from './log.ts'
import { cacheDirectory } from './paths.ts'

export interface CachedDirectory {
  /** The folder of the cache that it goes to. */
  readonly folder: string
  readonly name: string
  /** All that its content follows from. */
  readonly parts: Parameters<typeof cacheKey>[0]
  readonly log: Log
  readonly make: (directory: string) => Promise<void>
}

/** A directory whose content follows from the parts; made once, whole or not at all. */
export async function cachedDirectory({ folder, name, parts, log, make }: CachedDirectory): Promise<string> {
  const root = join(cacheDirectory, folder)
  const directory = join(root, `${name}-${cacheKey(parts)}`)
  if (existsSync(directory)) return directory
  await mkdir(root, { recursive: true })
  const lock = { what: `the making of ${name} for ${folder}`, limitMs: 15 * 60_000, log }
  return withLock(join(root, `${name}.lock`), lock, async () => {
    if (existsSync(directory)) return directory
    log(`making ${name} for ${folder} (once)`)
    const temporary = await mkdtemp(`${directory}.making-`)
    try {
      await make(temporary)
      await rename(temporary, directory)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
    return directory
  })
}
