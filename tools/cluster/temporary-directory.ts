import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ProcessIdentity, identify, isAlive } from './process-identity.ts'

const ownerFile = 'owner.json'

/** A new directory; those of the same name whose process ended without removing them go. */
export async function temporaryDirectory(name: string): Promise<string> {
  await sweep(name)
  const directory = await mkdtemp(join(tmpdir(), `${name}-`))
  await writeFile(join(directory, ownerFile), JSON.stringify(identify(process.pid)))
  await mkdir(join(directory, 'logs'))
  return directory
}

async function sweep(name: string): Promise<void> {
  const entries = await readdir(tmpdir()).catch(() => [])
  for (const entry of entries.filter((entry) => entry.startsWith(`${name}-`))) {
    const directory = join(tmpdir(), entry)
    const owner = await readFile(join(directory, ownerFile), 'utf8').catch(() => undefined)
    if (owner !== undefined && !isAlive(JSON.parse(owner) as ProcessIdentity)) {
      await rm(directory, { recursive: true, force: true })
    }
  }
}
