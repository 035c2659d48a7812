import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const isRoot = process.getuid?.() === 0
const home = homedir()

/** Everything that one cluster writes, but the cache: removed by `down`. Without root only a k3s record lies here. */
export const stateDirectory = isRoot
  ? '/var/lib/signet-cluster'
  : join(process.env.XDG_STATE_HOME ?? join(home, '.local/state'), 'signet-cluster')

/** Sockets. Short, because a Unix socket's path is limited to 107 bytes. */
export const runDirectory = isRoot ? '/run/signet-cluster' : `${stateDirectory}-run`

/** Beside the directories, so that `down` can remove them while it holds the lock. */
export const lockFile = `${runDirectory}.lock`

/** Binaries and images, kept between clusters; safe to delete at any time. */
export const cacheDirectory =
  process.env.SIGNET_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(home, '.cache'), 'signet')

export const goDirectory = fileURLToPath(new URL('./go/', import.meta.url))
export const projectDirectory = fileURLToPath(new URL('../../', import.meta.url))

export const recordFile = join(stateDirectory, 'cluster.json')
export const baselineFile = join(stateDirectory, 'baseline.json')
export const logDirectory = join(stateDirectory, 'logs')
export const pidDirectory = join(stateDirectory, 'pids')
export const controlPlaneDirectory = join(stateDirectory, 'control-plane')
export const containerdRoot = join(stateDirectory, 'containerd')
export const containerdState = join(runDirectory, 'containerd')
export const containerdSocket = join(runDirectory, 'containerd.sock')
/** Sockets of the shims of containerd 2, which takes a path of 42 bytes at most. */
export const shimDirectory = join(runDirectory, 'shims')
export const dockerSocket = join(runDirectory, 'docker.sock')
