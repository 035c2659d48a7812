import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, run } from './command.ts'
import { type Daemon, goneError } from './daemon.ts'
import { cniBinaries, cniDirectory } from './network.ts'
import { startNodeDaemon } from './node-daemon.ts'
import { containerdRoot, containerdSocket, containerdState, runDirectory, stateDirectory } from './paths.ts'
import { waitFor } from './wait.ts'

export const pauseImage = 'localhost/signet-pause:1'

export async function startContainerd(): Promise<Daemon> {
  const configFile = join(stateDirectory, 'containerd.toml')
  await mkdir(containerdState, { recursive: true })
  await writeFile(configFile, config)
  const daemon = await startNodeDaemon('containerd', requireProgram('containerd'), ['--config', configFile])
  await waitFor({
    what: `containerd at ${containerdSocket}`,
    limitMs: 30_000,
    everyMs: 50,
    until: async () => (await ctr(['version'], { allowFailure: true })).code === 0,
    gaveUp: () => goneError(daemon),
  })
  return daemon
}

/** Runs ctr in kubelet's namespace of our containerd. */
export function ctr(args: string[], options: { allowFailure?: boolean; inputFile?: string; timeoutMs?: number } = {}) {
  return run(requireProgram('ctr'), ['--address', containerdSocket, '--namespace', 'k8s.io', ...args], options)
}

/** Labels of an image that the node has; undefined if it does not have it. */
export async function imageLabels(image: string): Promise<string | undefined> {
  const { stdout } = await ctr(['images', 'list', `name==${image}`], { allowFailure: true })
  return stdout.split('\n').find((line) => line.startsWith(`${image} `))
}

/** Imports a docker or OCI archive and labels the image, so that the same content need not be imported again. */
export async function importArchive(archive: string, image: string, key: string): Promise<void> {
  await ctr(['images', 'import', archive], { timeoutMs: 300_000 })
  await ctr(['images', 'label', image, `${keyLabel}=${key}`])
}

export const keyLabel = 'signet.dev/content-key'

export async function hasContent(image: string, key: string): Promise<boolean> {
  return (await imageLabels(image))?.includes(`${keyLabel}=${key}`) ?? false
}

export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (!path) throw new Error(`cannot find program "${name}"`)
  return path
}

const config = `version = 2
root = "${containerdRoot}"
state = "${containerdState}"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "${containerdSocket}"

[ttrpc]
  address = "${containerdSocket}.ttrpc"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  # Network namespaces of ours lie in our directory, so they can be told from others.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniBinaries}"
    conf_dir = "${join(cniDirectory, 'conf')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${join(runDirectory, 'runc')}"
`
