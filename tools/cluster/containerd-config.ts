import { join } from 'node:path'
import { cniBinaries, cniDirectory } from './network.ts'
import { containerdRoot, containerdSocket, containerdState, runDirectory, shimDirectory } from './paths.ts'

export const pauseImage = 'localhost/signet-pause:1'

/** The configuration file of containerd 2, with the path of its shim: the one in PATH may be another containerd's. */
export function configVersion3(shim: string): string {
  return `version = 3
${daemon(['io.containerd.nri.v1.nri'])}
[plugins."io.containerd.shim.v1.manager"]
  socket_dir = "${shimDirectory}"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "${pauseImage}"

[plugins."io.containerd.cri.v1.runtime"]
${restrictions}
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["${cniBinaries}"]
    conf_dir = "${join(cniDirectory, 'conf')}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "${shim}"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
${runcOptions}
`
}

/** The configuration file of containerd 1. */
export function configVersion2(): string {
  return `version = 2
${daemon(['io.containerd.snapshotter.v1.aufs'])}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
${restrictions}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniBinaries}"
    conf_dir = "${join(cniDirectory, 'conf')}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
${runcOptions}
`
}

/** Disabled are snapshotters that are not used, and plugins that write outside the directories of the cluster. */
function daemon(disabled: readonly string[]): string {
  const plugins = [
    ...['btrfs', 'zfs', 'devmapper'].map((name) => `io.containerd.snapshotter.v1.${name}`),
    ...['io.containerd.internal.v1.opt', 'io.containerd.tracing.processor.v1.otlp', ...disabled],
  ]
  return `root = "${containerdRoot}"
state = "${containerdState}"
disabled_plugins = ${JSON.stringify(plugins)}

[grpc]
  address = "${containerdSocket}"

[ttrpc]
  address = "${containerdSocket}.ttrpc"
`
}

const restrictions = `  restrict_oom_score_adj = true
  disable_apparmor = true
  # Network namespaces lie in the cluster's own directory, which tells them from others.
  netns_mounts_under_state_dir = true`

const runcOptions = `      SystemdCgroup = false
      Root = "${join(runDirectory, 'runc')}"`
