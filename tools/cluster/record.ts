import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { recordFile } from './paths.ts'
import type { ProcessIdentity } from './process-identity.ts'

export type Owner = 'demo' | 'test' | 'manual'
export type Provider = 'k3s' | 'built'

/** The running cluster, written when it is ready and not before. */
export interface ClusterRecord {
  owner: Owner
  /** Who called `up`: while that process lives, its cluster is not taken away for another owner. */
  holder: ProcessIdentity
  provider: Provider
  startedAt: string
  kubeconfig: string
  kubectl: string
  helm: string
  /** Only for k3s. */
  containerId?: string
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
 * What to do with a running cluster. Nobody takes one away that was started by hand, and none from a live process;
 * `manual` only looks, so any will do.
 */
export function decide(existing: Owner, wanted: Owner, holderIsAlive: boolean): Decision {
  if (existing === wanted || wanted === 'manual' || existing === 'manual') return 'reuse'
  return holderIsAlive ? 'refuse' : 'replace'
}
