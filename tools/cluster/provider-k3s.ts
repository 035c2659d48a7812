import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import { reachableDocker } from './docker.ts'
import type { Log } from './log.ts'
import { stateDirectory } from './paths.ts'
import type { Minor } from './releases.ts'
import { clientTools } from './tools.ts'
import { waitFor } from './wait.ts'

/** A k3s image of a Kubernetes minor that a reachable Docker daemon has already; none is pulled. */
export async function k3sImage(minor: Minor): Promise<string | undefined> {
  const docker = await reachableDocker()
  if (!docker) return undefined
  const args = ['images', '--format', '{{.Repository}}:{{.Tag}}', 'rancher/k3s']
  const { stdout } = await run(docker.command, args, { env: docker.env, allowFailure: true })
  return stdout.split('\n').find((image) => image.startsWith(`rancher/k3s:v${minor}.`))
}

export async function startK3s(image: string, log: Log) {
  log(`starting ${image} in Docker`)
  const tools = await clientTools(log)
  // The cluster outlives this process, so the container that reaps them must not run.
  process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'
  const { GenericContainer } = await import('testcontainers')
  const container = await new GenericContainer(image)
    .withCommand(['server', '--disable=traefik,metrics-server', '--tls-san=127.0.0.1'])
    .withPrivilegedMode()
    .withTmpFs({ '/run': 'rw', '/var/run': 'rw' })
    .withExposedPorts(6443)
    .withStartupTimeout(120_000)
    .withAutoRemove(false)
    .start()
  const kubeconfig = join(stateDirectory, 'kubeconfig.yaml')
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 })
  await waitFor({
    what: 'the kubeconfig of k3s',
    limitMs: 120_000,
    until: async () => {
      const { exitCode, output } = await container.exec(['cat', '/etc/rancher/k3s/k3s.yaml'])
      const server = `https://${container.getHost()}:${container.getMappedPort(6443)}`
      await writeFile(kubeconfig, output.replace(/https:\/\/127\.0\.0\.1:6443/, server), { mode: 0o600 })
      return exitCode === 0
    },
  })
  await waitFor({
    what: 'the node of k3s to be Ready',
    limitMs: 120_000,
    until: async () => {
      const path = 'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}'
      return (await run(tools.kubectl, ['--kubeconfig', kubeconfig, 'get', 'nodes', '-o', path])).stdout === 'True'
    },
  })
  return { kubeconfig, ...tools, containerId: container.getId() }
}

export async function importIntoK3s(containerId: string, archive: string): Promise<void> {
  const docker = await reachableDocker()
  if (!docker) throw new Error('cannot load an image into k3s: the Docker daemon is not reachable')
  const args = ['exec', '-i', containerId, 'ctr', '--namespace', 'k8s.io', 'images', 'import', '-']
  await run(docker.command, args, { env: docker.env, inputFile: archive, timeoutMs: 300_000 })
}

export async function removeK3s(containerId: string): Promise<void> {
  const docker = await reachableDocker()
  if (docker)
    await run(docker.command, ['rm', '--force', '--volumes', containerId], { env: docker.env, allowFailure: true })
}
