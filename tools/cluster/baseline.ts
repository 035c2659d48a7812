import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Family, families, saveIptables } from './iptables.ts'
import { baselineFile } from './paths.ts'

/** What the machine was like before `up`, written before anything is changed, so that `down` can restore it. */
export interface Baseline {
  iptables: Record<Family, string>
  /** Kernel settings that kubelet, kube-proxy and the CNI plugins change. */
  sysctls: Record<string, string>
  /** Paths outside our directories that were there already. */
  existing: string[]
  /** Names of the sockets of shims, in a directory that all containerds share. */
  shimSockets: string[]
}

export const shimSocketDirectory = '/run/containerd/s'

const sysctls = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/route_localnet',
]

/** What the programs create at fixed places outside our directories. */
export const outsidePaths = [
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/var/log/containers',
  '/usr/libexec/kubernetes',
  '/run/containerd',
  '/run/docker',
  '/run/netns',
  '/run/xtables.lock',
]

export async function recordBaseline(): Promise<void> {
  const saved = await Promise.all(families.map(async (family) => [family, await saveIptables(family)] as const))
  const baseline: Baseline = {
    iptables: Object.fromEntries(saved) as Record<Family, string>,
    sysctls: Object.fromEntries(sysctls.flatMap((name) => readSysctl(name))),
    existing: outsidePaths.filter((path) => existsSync(path)),
    shimSockets: await readdir(shimSocketDirectory).catch(() => []),
  }
  await mkdir(dirname(baselineFile), { recursive: true })
  // Complete or absent: what is half written here could not be restored.
  await writeFile(`${baselineFile}.new`, JSON.stringify(baseline))
  await rename(`${baselineFile}.new`, baselineFile)
}

/** Undefined if `up` never came that far: then it changed nothing either. */
export async function readBaseline(): Promise<Baseline | undefined> {
  const text = await readFile(baselineFile, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Baseline)
}

export async function restoreSysctls({ sysctls: saved }: Baseline): Promise<void> {
  for (const [name, value] of Object.entries(saved)) {
    const [current] = readSysctl(name)
    if (current && current[1] !== value) await writeFile(`/proc/sys/${name}`, value).catch(() => undefined)
  }
}

function readSysctl(name: string): [string, string][] {
  try {
    return [[name, readFileSync(`/proc/sys/${name}`, 'utf8').trim()]]
  } catch {
    return []
  }
}
