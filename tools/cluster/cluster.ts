import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { startBuiltCluster } from './built-cluster.ts'
import { removeEverything } from './cleanup.ts'
import { problemsOf, recordedProcesses } from './health.ts'
import { withLock } from './lock.ts'
import { type Log, silent } from './log.ts'
import { noProxy } from './no-proxy.ts'
import { killOwnProcesses, ownProcesses } from './own-processes.ts'
import { lockFile, runDirectory, stateDirectory } from './paths.ts'
import { identify, isAlive } from './process-identity.ts'
import { givenKubeconfig, useKubeconfig } from './provider-kubeconfig.ts'
import { k3sImage, removeK3s, startK3s } from './provider-k3s.ts'
import { type ClusterRecord, type ClusterUse, decide, type Owner, readRecord, writeRecord } from './record.ts'
import { type Minor, wantedMinor } from './releases.ts'

export interface Cluster {
  provider: 'kubeconfig' | 'k3s' | 'built'
  /** Path of a file. */
  kubeconfig: string
  /** Path of the binary. */
  kubectl: string
  helm: string
  /** KUBECONFIG, PATH with kubectl and helm first, and NO_PROXY with the cluster's addresses. */
  env: Record<string, string>
}

export interface ClusterStatus {
  state: 'up' | 'down' | 'broken'
  owner?: Owner
  provider?: Cluster['provider']
  kubernetes?: Minor
  startedAt?: string
  kubeconfig?: string
  /** Why it is broken. */
  problems: string[]
  processes: { name: string; pid: number; alive: boolean; logFile: string }[]
}

const lockLimitMs = 45 * 60_000

/**
 * A running cluster for this owner, of the Kubernetes that SIGNET_KUBERNETES names: the one that runs if this owner may
 * use it and it is healthy, else a new one.
 */
export async function up({ owner, log = silent }: { owner: Owner; log?: Log }): Promise<Cluster> {
  const given = givenKubeconfig()
  if (given) return clusterOf(await useKubeconfig(given, log))
  const wanted = { owner, kubernetes: wantedMinor() }
  return withLock(lockFile, { what: `cluster up (${owner})`, limitMs: lockLimitMs, log }, async () => {
    const existing = await usable(wanted, log)
    const record = existing ?? (await start(wanted, log))
    await writeRecord({ ...record, holder: isAlive(record.holder) ? record.holder : holderIdentity() })
    return clusterOf(record)
  })
}

export function down({ log = silent }: { log?: Log } = {}): Promise<void> {
  return withLock(lockFile, { what: 'cluster down', limitMs: lockLimitMs, log }, () => remove(log))
}

export async function status(): Promise<ClusterStatus> {
  const given = givenKubeconfig()
  if (given) return { state: 'up', ...(await useKubeconfig(given, silent)), problems: [], processes: [] }
  const record = await readRecord()
  const processes = (await recordedProcesses()).map(({ name, pid, alive, logFile }) => ({ name, pid, alive, logFile }))
  if (!record) {
    const found = isAnythingThere()
    return { state: found ? 'broken' : 'down', problems: found ? ['it never became ready'] : [], processes }
  }
  const { owner, provider, kubernetes, startedAt, kubeconfig } = record
  const problems = await problemsOf(record)
  const state = problems.length === 0 ? 'up' : 'broken'
  return { state, owner, provider, kubernetes, startedAt, kubeconfig, problems, processes }
}

/** The running cluster, or undefined if there is none that is healthy. */
export async function current(): Promise<Cluster | undefined> {
  const given = givenKubeconfig()
  if (given) return clusterOf(await useKubeconfig(given, silent))
  const record = await readRecord()
  return record && (await problemsOf(record)).length === 0 ? clusterOf(record) : undefined
}

async function usable(wanted: ClusterUse, log: Log): Promise<ClusterRecord | undefined> {
  const record = await readRecord()
  if (!record) {
    if (isAnythingThere()) {
      log('found the remains of a cluster that never became ready; removing them')
      await remove(log)
    }
    return undefined
  }
  const problems = await problemsOf(record)
  if (problems.length > 0) {
    log(`the ${record.owner} cluster is broken (${problems.join('; ')}); starting it anew`)
    await remove(log)
    return undefined
  }
  const decision = decide(record, wanted, isAlive(record.holder) && record.holder.pid !== process.pid)
  if (decision === 'refuse') throw new Error(refusal(record, wanted))
  if (decision === 'replace') {
    log(`${describe(record)} is running; replacing it by ${describe(wanted)}`)
    await remove(log)
    return undefined
  }
  log(`the ${record.owner} cluster is up since ${record.startedAt}`)
  return record
}

function refusal(record: ClusterRecord, wanted: ClusterUse): string {
  const running = describe(record)
  if (record.owner !== 'manual') return `${running} is in use by process ${record.holder.pid}; end that process first`
  const down = 'end it by "npm run cluster -- down"'
  return `${running} is running, not Kubernetes ${wanted.kubernetes}: ${down}, or set SIGNET_KUBERNETES=${record.kubernetes}`
}

function describe({ owner, kubernetes }: ClusterUse): string {
  return `a ${owner} cluster of Kubernetes ${kubernetes}`
}

async function start(wanted: ClusterUse, log: Log): Promise<ClusterRecord> {
  const started = Date.now()
  const common = { ...wanted, holder: holderIdentity(), startedAt: new Date().toISOString() }
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const image = await k3sImage(wanted.kubernetes)
  if (image) return { ...common, provider: 'k3s', ...(await startK3s(image, log)) }
  try {
    const built = await startBuiltCluster(wanted.kubernetes, log)
    log(`cluster is up after ${seconds()} s`)
    return { ...common, provider: 'built', ...built }
  } catch (error) {
    // The logs stay for debugging; the next `up` or `down` removes them.
    await killOwnProcesses().catch(() => undefined)
    throw new Error(`cannot start the cluster: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

async function remove(log: Log): Promise<void> {
  const record = await readRecord()
  if (record?.provider === 'k3s') await removeK3s(record.containerId)
  const there = isAnythingThere()
  const started = Date.now()
  await removeEverything()
  log(there ? `cluster is down after ${Math.round((Date.now() - started) / 1000)} s` : 'no cluster is running')
}

function isAnythingThere(): boolean {
  return existsSync(stateDirectory) || existsSync(runDirectory) || ownProcesses().length > 0
}

function holderIdentity() {
  return identify(process.pid) ?? { pid: process.pid, startTime: 0 }
}

function clusterOf({ provider, kubeconfig, kubectl, helm }: Omit<Cluster, 'env'>): Cluster {
  const path = [...new Set([dirname(kubectl), dirname(helm)]), process.env.PATH ?? ''].join(':')
  return { provider, kubeconfig, kubectl, helm, env: { KUBECONFIG: kubeconfig, PATH: path, ...noProxy() } }
}
