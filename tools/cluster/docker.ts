import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findProgram, requireProgram, run } from './command.ts'
import { goneError } from './daemon.ts'
import type { Log } from './log.ts'
import { startNodeDaemon } from './node-daemon.ts'
import { ensurePackages } from './packages.ts'
import { containerdSocket, dockerSocket, pidDirectory, runDirectory, stateDirectory } from './paths.ts'
import { waitFor } from './wait.ts'

/** A Docker client and the environment that leads it to its daemon. */
export interface Docker {
  command: string
  env: NodeJS.ProcessEnv
}

/** The user's own Docker daemon, if one answers. */
export async function reachableDocker(): Promise<Docker | undefined> {
  const command = findProgram('docker')
  if (!command) return undefined
  const docker = { command, env: { ...process.env, DOCKER_BUILDKIT: '0' } }
  return (await answers(docker)) ? docker : undefined
}

/** A daemon to build images with: the user's, else one that is started on the cluster's containerd and ended by `down`. */
export async function ensureDocker(log: Log): Promise<Docker> {
  const reachable = await reachableDocker()
  if (reachable) return reachable
  if (!existsSync(containerdSocket)) {
    throw new Error('cannot build or read an image: no Docker daemon is reachable and no built cluster is running')
  }
  await ensurePackages(['docker.io'], log)
  const daemonCommand = requireProgram('dockerd')
  // The client that came with the daemon: a newer one may refuse to speak to it.
  const beside = join(dirname(daemonCommand).replace(/sbin$/, 'bin'), 'docker')
  const command = existsSync(beside) ? beside : findProgram('docker')
  if (!command) throw new Error('cannot find the Docker client; install package docker.io or docker-cli')
  const docker = { command, env: { ...process.env, DOCKER_HOST: `unix://${dockerSocket}`, DOCKER_BUILDKIT: '0' } }
  if (await answers(docker)) return docker
  log('starting dockerd for building images')
  const configFile = join(stateDirectory, 'docker.json')
  await mkdir(pidDirectory, { recursive: true })
  await writeFile(configFile, '{}')
  const daemon = await startNodeDaemon('dockerd', daemonCommand, [
    `--config-file=${configFile}`,
    `--host=unix://${dockerSocket}`,
    `--containerd=${containerdSocket}`,
    `--data-root=${join(stateDirectory, 'docker')}`,
    `--exec-root=${join(runDirectory, 'docker')}`,
    `--pidfile=${join(runDirectory, 'docker.pid')}`,
    // It builds and does not run anything: no interface, no firewall rule, no forwarding of its own.
    ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
  ])
  await waitFor({
    what: `dockerd at ${dockerSocket} (log: ${daemon.logFile})`,
    limitMs: 60_000,
    until: () => answers(docker),
    gaveUp: () => goneError(daemon),
  })
  return docker
}

async function answers({ command, env }: Docker): Promise<boolean> {
  const args = ['version', '--format', '{{.Server.Version}}']
  try {
    return (await run(command, args, { env, timeoutMs: 10_000 })).code === 0
  } catch {
    return false
  }
}
