import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import type { Daemon } from './daemon.ts'
import { nodeName } from './kubelet.ts'
import { nodeAddress } from './network.ts'
import { noProxy } from './no-proxy.ts'
import { pidDirectory } from './paths.ts'
import { isAlive } from './process-identity.ts'
import type { ClusterRecord } from './record.ts'

const expected = [
  ...['containerd', 'coredns', 'etcd', 'kube-apiserver', 'kube-controller-manager'],
  ...['kube-proxy', 'kube-scheduler', 'kubelet'],
]

/** What is wrong with a cluster; empty if it is healthy. Takes about a second. */
export async function problemsOf(record: ClusterRecord): Promise<string[]> {
  const processes = record.provider === 'built' ? await processProblems() : []
  if (processes.length > 0) return processes
  const checks = [readyzProblem(record), ...(record.provider === 'built' ? [nodeProblem(record), dnsProblem()] : [])]
  return (await Promise.all(checks)).flatMap((problem) => problem ?? [])
}

/** The processes that pid files name. */
export async function recordedProcesses(): Promise<(Daemon & { alive: boolean })[]> {
  const files = await readdir(pidDirectory).catch(() => [])
  return Promise.all(
    files.map(async (file) => {
      const daemon = JSON.parse(await readFile(join(pidDirectory, file), 'utf8')) as Daemon
      return { ...daemon, alive: isAlive(daemon) }
    }),
  )
}

async function processProblems(): Promise<string[]> {
  const alive = (await recordedProcesses()).filter((daemon) => daemon.alive).map(({ name }) => name)
  return expected.filter((name) => !alive.includes(name)).map((name) => `${name} does not run`)
}

async function readyzProblem({ kubectl, kubeconfig }: ClusterRecord): Promise<string | undefined> {
  const result = await ask(kubectl, kubeconfig, ['get', '--raw', '/readyz'])
  return result === 'ok' ? undefined : `kube-apiserver is not ready: ${result}`
}

async function nodeProblem({ kubectl, kubeconfig }: ClusterRecord): Promise<string | undefined> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  const result = await ask(kubectl, kubeconfig, ['get', 'node', nodeName, '-o', path])
  return result === 'True' ? undefined : `node ${nodeName} is not Ready: ${result}`
}

async function dnsProblem(): Promise<string | undefined> {
  try {
    const { status } = await fetch(`http://${nodeAddress}:8181/ready`, { signal: AbortSignal.timeout(3_000) })
    return status === 200 ? undefined : `CoreDNS is not ready: status ${status}`
  } catch (error) {
    return `CoreDNS is not ready: ${String(error)}`
  }
}

async function ask(kubectl: string, kubeconfig: string, args: string[]): Promise<string> {
  try {
    const options = { allowFailure: true, timeoutMs: 10_000, env: { ...process.env, ...noProxy() } }
    const { stdout, stderr } = await run(
      kubectl,
      ['--kubeconfig', kubeconfig, '--request-timeout=5s', ...args],
      options,
    )
    return stdout.trim() || stderr.trim()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
