import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { run } from './command.ts'
import { configVersion2, configVersion3 } from './containerd-config.ts'
import type { ContainerdPrograms } from './containerd-programs.ts'
import { type Daemon, goneError } from './daemon.ts'
import { startNodeDaemon } from './node-daemon.ts'
import { containerdSocket, containerdState, stateDirectory } from './paths.ts'
import { waitFor } from './wait.ts'

export async function startContainerd({ containerd, ctr, shim }: ContainerdPrograms): Promise<Daemon> {
  const configFile = join(stateDirectory, 'containerd.toml')
  await mkdir(containerdState, { recursive: true })
  await writeFile(configFile, shim === undefined ? configVersion2() : configVersion3(shim))
  // dockerd asks for a shim by its type, which containerd looks up in PATH.
  const path = [...(shim === undefined ? [] : [dirname(shim)]), process.env.PATH ?? ''].join(delimiter)
  const daemon = await startNodeDaemon('containerd', containerd, ['--config', configFile], { PATH: path })
  await waitFor({
    what: `containerd at ${containerdSocket}`,
    limitMs: 30_000,
    everyMs: 50,
    until: async () => (await runCtr(ctr, ['version'], { allowFailure: true })).code === 0,
    gaveUp: () => goneError(daemon),
  })
  return daemon
}

/** Imports a docker or OCI archive and labels the image, so that the same content need not be imported again. */
export async function importArchive(ctr: string, archive: string, image: string, key: string): Promise<void> {
  await runCtr(ctr, ['images', 'import', archive], { timeoutMs: 300_000 })
  await runCtr(ctr, ['images', 'label', image, `${keyLabel}=${key}`])
}

const keyLabel = 'signet.dev/content-key'

/** Whether the node has the image with this content. */
export async function hasContent(ctr: string, image: string, key: string): Promise<boolean> {
  const { stdout } = await runCtr(ctr, ['images', 'list', `name==${image}`], { allowFailure: true })
  const line = stdout.split('\n').find((line) => line.startsWith(`${image} `))
  return line?.includes(`${keyLabel}=${key}`) ?? false
}

/** Runs ctr in kubelet's namespace of the cluster's containerd. */
function runCtr(ctr: string, args: string[], options: { allowFailure?: boolean; timeoutMs?: number } = {}) {
  return run(ctr, ['--address', containerdSocket, '--namespace', 'k8s.io', ...args], options)
}
