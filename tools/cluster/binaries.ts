import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheKey, directoryParts } from './cache-key.ts'
import { findProgram, run } from './command.ts'
import { withLock } from './lock.ts'
import { type Log, silent } from './log.ts'
import { cacheDirectory, goDirectory } from './paths.ts'

const kubernetesVersion = 'v1.34.4'
const helmVersion = 'v3.19.0'

/** What each module of `go/` builds: name of the binary → its package. */
const modules = {
  kubernetes: {
    ldflags: `-s -w -X k8s.io/component-base/version.gitVersion=${kubernetesVersion} -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34`,
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      etcd: 'go.etcd.io/etcd/server/v3',
    },
  },
  coredns: { ldflags: '-s -w', packages: { coredns: 'github.com/coredns/coredns' } },
  helm: {
    ldflags: `-s -w -X helm.sh/helm/v3/internal/version.version=${helmVersion}`,
    packages: { helm: 'helm.sh/helm/v3/cmd/helm' },
  },
  pause: { ldflags: '-s -w', packages: { pause: '.' } },
} as const

type ModuleName = keyof typeof modules
type Keys<T> = T extends unknown ? keyof T : never
export type Binary = Keys<(typeof modules)[ModuleName]['packages']>
export type Binaries<B extends string = Binary> = Record<B, string>

/** Where Go names a binary otherwise than the field does (etcd's package ends in `server/v3`). */
const builtAs: Partial<Record<Binary, string>> = { etcd: 'server' }

/** Paths of all binaries, built on first use and then taken from the cache without any network. */
export async function binaries(log: Log = silent): Promise<Binaries> {
  const built = []
  // One after the other: each build uses all cores.
  for (const name of Object.keys(modules) as ModuleName[]) built.push(await moduleBinaries(name, log))
  return Object.assign({}, ...built) as Binaries
}

/** Paths of one module's binaries: the control plane alone needs no helm. */
export async function moduleBinaries<M extends ModuleName>(
  module: M,
  log: Log = silent,
): Promise<Binaries<Extract<keyof (typeof modules)[M]['packages'], string>>> {
  const content = contentKey(module)
  const go = findProgram('go', ['/usr/local/go/bin'])
  const version = go ? await goVersion(go) : undefined
  const root = join(cacheDirectory, 'binaries')
  const names = Object.keys(modules[module].packages)
  const complete = (directory: string) => names.every((name) => existsSync(join(directory, name)))
  const paths = (directory: string) =>
    Object.fromEntries(names.map((name) => [name, join(directory, name)])) as Binaries<
      Extract<keyof (typeof modules)[M]['packages'], string>
    >
  if (!go || !version) {
    const found = await anyVersion(root, `${module}-${content}-`)
    if (found && complete(found)) return paths(found)
    throw new Error(`cannot build ${names.join(', ')}: no "go" in PATH; install Go 1.24 or newer (https://go.dev/dl/)`)
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

async function build(module: ModuleName, go: string, directory: string, log: Log): Promise<void> {
  const packages: Record<string, string> = modules[module].packages
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
    await run(go, ['build', ...buildFlags(module), '-v', '-o', `${temporary}/`, ...Object.values(packages)], {
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
async function removeUnfinished(module: ModuleName, root: string): Promise<void> {
  const names = (await readdir(root)).filter((name) => name.startsWith(`${module}-`) && name.includes('.building-'))
  for (const name of names) await rm(join(root, name), { recursive: true, force: true })
}

function buildFlags(module: ModuleName): string[] {
  return ['-mod=readonly', '-buildvcs=false', '-ldflags', modules[module].ldflags]
}

/** go.mod, go.sum, our sources, flags, packages and architecture: all that a binary depends on, but Go itself. */
function contentKey(module: ModuleName): string {
  return cacheKey({
    ...directoryParts(join(goDirectory, module)),
    flags: buildFlags(module).join('\n'),
    packages: JSON.stringify(modules[module].packages),
    architecture: process.arch,
  })
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
