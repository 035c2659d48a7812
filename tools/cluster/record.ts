import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { recordFile } from './paths.ts'
import type { ProcessIdentity } from './process-identity.ts'
import type { Minor } from './releases.ts'

export type Owner = 'demo' | 'test' | 'manual'

/** Whose cluster it is and what it runs: by that, `up` decides whether a running cluster serves. */
export interface ClusterUse {
  owner: Owner
  kubernetes: Minor
}

/** The running cluster, written when it is ready and not before. */
export type ClusterRecord = RecordOfAny & (RecordOfK3s | RecordOfBuilt)

interface RecordOfAny extends ClusterUse {
  /** Who called `up`: while that process lives, its cluster is not taken away for another owner. */
  holder: ProcessIdentity
  startedAt: string
  kubeconfig: string
  kubectl: string
  helm: string
}

interface RecordOfK3s {
  provider: 'k3s'
  containerId: string
}

interface RecordOfBuilt {
  provider: 'built'
  /** The client of the cluster's containerd. */
  ctr: string
}

export async function readRecord(): Promise<ClusterRecord | undefined> {
  try {
    return JSON.parse(await readFile(recordFile, 'utf8')) as ClusterRecord
  } catch {
    return undefined
  }
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  await mkdir(dirname(recordFile), { recursive: true })
  await writeFile(`${recordFile}.new`, JSON.stringify(record, null, 2))
  await rename(`${recordFile}.new`, recordFile)
}

export type Decision = 'reuse' | 'replace' | 'refuse'

/**
 * What to do with a running cluster. A cluster that was started by hand is never replaced, nor is the cluster of a live
 * process. A `manual` owner takes any cluster of the wanted Kubernetes.
 */
export function decide(existing: ClusterUse, wanted: ClusterUse, holderIsAlive: boolean): Decision {
  if (existing.kubernetes !== wanted.kubernetes) {
    return existing.owner === 'manual' || holderIsAlive ? 'refuse' : 'replace'
  }
  if (existing.owner === wanted.owner || wanted.owner === 'manual' || existing.owner === 'manual') return 'reuse'
  return holderIsAlive ? 'refuse' : 'replace'
}
