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
import { type ClusterRecord, decide, type Owner, readRecord, writeRecord } from './record.ts'

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
  startedAt?: string
  kubeconfig?: string
  /** Why it is broken. */
  problems: string[]
  processes: { name: string; pid: number; alive: boolean; logFile: string }[]
}

const lockLimitMs = 45 * 60_000

/** A running cluster for this owner: the one that is there if it may be used and is healthy, else a new one. */
export async function up({ owner, log = silent }: { owner: Owner; log?: Log }): Promise<Cluster> {
  const given = givenKubeconfig()
  if (given) return clusterOf(await useKubeconfig(given, log))
  return withLock(lockFile, { what: `cluster up (${owner})`, limitMs: lockLimitMs, log }, async () => {
    const existing = await usable(owner, log)
    const record = existing ?? (await start(owner, log))
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
  const { owner, provider, startedAt, kubeconfig } = record
  const problems = await problemsOf(record)
  const state = problems.length === 0 ? 'up' : 'broken'
  return { state, owner, provider, startedAt, kubeconfig, problems, processes }
}

/** The running cluster, or undefined if there is none that is healthy. */
export async function current(): Promise<Cluster | undefined> {
  const given = givenKubeconfig()
  if (given) return clusterOf(await useKubeconfig(given, silent))
  const record = await readRecord()
  return record && (await problemsOf(record)).length === 0 ? clusterOf(record) : undefined
}

async function usable(owner: Owner, log: Log): Promise<ClusterRecord | undefined> {
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
  const decision = decide(record.owner, owner, isAlive(record.holder) && record.holder.pid !== process.pid)
  if (decision === 'refuse') {
    throw new Error(`the ${record.owner} cluster is in use by process ${record.holder.pid}; end that first`)
  }
  if (decision === 'replace') {
    log(`a ${record.owner} cluster is running; replacing it by a ${owner} cluster`)
    await remove(log)
    return undefined
  }
  log(`the ${record.owner} cluster is up since ${record.startedAt}`)
  return record
}

async function start(owner: Owner, log: Log): Promise<ClusterRecord> {
  const started = Date.now()
  const common = { owner, holder: holderIdentity(), startedAt: new Date().toISOString() }
  const seconds = () => Math.round((Date.now() - started) / 1000)
  const image = await k3sImage()
  if (image) return { ...common, provider: 'k3s', ...(await startK3s(image, log)) }
  try {
    const built = await startBuiltCluster(log)
    log(`cluster is up after ${seconds()} s`)
    return { ...common, provider: 'built', ...built }
  } catch (error) {
    // The logs stay for whoever looks; the next `up` or `down` removes them.
    await killOwnProcesses().catch(() => undefined)
    throw new Error(`cannot start the cluster: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

async function remove(log: Log): Promise<void> {
  const record = await readRecord()
  if (record?.containerId) await removeK3s(record.containerId)
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
