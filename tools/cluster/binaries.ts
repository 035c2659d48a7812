import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheKey, directoryParts } from './cache-key.ts'
import { findProgram, run } from './command.ts'
import { type GoModule, goModules } from './go-modules.ts'
import { withLock } from './lock.ts'
import { type Log, silent } from './log.ts'
import { cacheDirectory, goDirectory } from './paths.ts'
import { type Minor, wantedMinor } from './releases.ts'

type Keys<T> = T extends unknown ? keyof T : never
type Binary<M extends GoModule = GoModule> = Extract<Keys<(typeof goModules)[M]['packages']>, string>
/** Name of a binary → its path. */
export type Binaries<M extends GoModule = GoModule> = Record<Binary<M>, string>
export type KubernetesBinaries = Binaries<'kubernetes-1.37'>

/** Where Go names a binary otherwise than the field does (etcd's package ends in `server/v3`). */
const builtAs: Partial<Record<Binary, string>> = { etcd: 'server' }

/** Paths of the binaries of a Kubernetes release; default: the one that SIGNET_KUBERNETES names. */
export function kubernetesBinaries(log: Log = silent, minor: Minor = wantedMinor()): Promise<KubernetesBinaries> {
  return moduleBinaries(`kubernetes-${minor}`, log)
}

/** Paths of one module's binaries, built on first use and then taken from the cache without any network. */
export async function moduleBinaries<M extends GoModule>(module: M, log: Log = silent): Promise<Binaries<M>> {
  const content = contentKey(module)
  const go = findProgram('go', ['/usr/local/go/bin'])
  const version = go ? await goVersion(go) : undefined
  const root = join(cacheDirectory, 'binaries')
  const names = Object.keys(goModules[module].packages)
  const complete = (directory: string) => names.every((name) => existsSync(join(directory, name)))
  const paths = (directory: string) =>
    Object.fromEntries(names.map((name) => [name, join(directory, name)])) as Binaries<M>
  if (!go || !version) {
    const found = await anyVersion(root, `${module}-${content}-`)
    if (found && complete(found)) return paths(found)
    const needed = `install Go ${neededGo(module)} or newer (https://go.dev/dl/)`
    throw new Error(`cannot build ${names.join(', ')}: no "go" in PATH; ${needed}`)
  }
  const directory = join(root, `${module}-${content}-${version}`)
  if (complete(directory)) return paths(directory)
  await mkdir(root, { recursive: true })
  const lock = { what: `the build of ${module}`, limitMs: 40 * 60_000, log }
  await withLock(join(root, `${module}.lock`), lock, async () => {
    if (!complete(directory)) await build(module, go, directory, log)
  })
  return paths(directory)
}

async function build(module: GoModule, go: string, directory: string, log: Log): Promise<void> {
  const packages: Record<string, string> = goModules[module].packages
  await removeUnfinished(module, dirname(directory))
  const temporary = await mkdtemp(`${directory}.building-`)
  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  let [downloaded, compiled] = [0, 0]
  const count = (line: string) => {
    if (line.startsWith('go: downloading')) downloaded++
    else if (/^\S+$/.test(line)) compiled++
  }
  const names = Object.keys(packages).join(', ')
  log(`building ${names} with ${go} (once; minutes if Go's build cache is cold)`)
  const ticker = setInterval(() => {
    log(`building ${module}: ${seconds()}, ${downloaded} modules downloaded, ${compiled} packages compiled`)
  }, 10_000)
  try {
    const command = [go, 'build', ...buildFlags(module), '-v', '-o', `${temporary}/`, ...Object.values(packages)]
    // Tests that run meanwhile have the cores first.
    await run('nice', ['-n', '10', ...command], {
      cwd: join(goDirectory, module),
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
      timeoutMs: 40 * 60_000,
      onLine: count,
    })
    for (const [name, as] of Object.entries(builtAs)) {
      if (existsSync(join(temporary, as))) await rename(join(temporary, as), join(temporary, name))
    }
    await rm(directory, { recursive: true, force: true })
    await rename(temporary, directory)
    log(`built ${names} in ${seconds()}`)
  } finally {
    clearInterval(ticker)
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Under the module's lock, so what lies here is of a build that was killed. */
async function removeUnfinished(module: GoModule, root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(`${module}-`) && name.includes('.building-'))
  for (const name of names) await rm(join(root, name), { recursive: true, force: true })
}

function buildFlags(module: GoModule): string[] {
  return ['-mod=readonly', '-buildvcs=false', '-ldflags', goModules[module].ldflags]
}

/** go.mod, go.sum, our sources, flags, packages and architecture: all that a binary depends on, but Go itself. */
function contentKey(module: GoModule): string {
  return cacheKey({
    ...directoryParts(join(goDirectory, module)),
    flags: buildFlags(module).join('\n'),
    packages: JSON.stringify(goModules[module].packages),
    architecture: process.arch,
  })
}

/** The version of Go that the module's go.mod asks for. */
function neededGo(module: GoModule): string {
  return /^go (\S+)$/m.exec(readFileSync(join(goDirectory, module, 'go.mod'), 'utf8'))?.[1] ?? ''
}

async function goVersion(go: string): Promise<string> {
  const { stdout } = await run(go, ['env', 'GOVERSION'], { cwd: goDirectory })
  return stdout.trim().replaceAll(/[^\w.-]/g, '-')
}

/** Binaries that an earlier Go built are as good where there is no Go. */
async function anyVersion(root: string, prefix: string): Promise<string | undefined> {
  const entries = await readdir(root).catch(() => [])
  const found = entries.find((entry) => entry.startsWith(prefix) && !entry.includes('.building-'))
  return found ? join(root, found) : undefined
}
