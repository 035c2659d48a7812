import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { readFile, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Baseline, outsidePaths, readBaseline, restoreSysctls, shimSocketDirectory } from './baseline.ts'
import { findProgram, run } from './command.ts'
import { families, removeOwnRules } from './iptables.ts'
import { mountPointsUnder } from './mounts.ts'
import { nodeInterface, podRange } from './network.ts'
import { killOwnProcesses } from './own-processes.ts'
import { runDirectory, stateDirectory } from './paths.ts'
import { waitFor } from './wait.ts'

/** Removes every trace of a cluster, whole or in pieces. Each step does nothing where there is nothing. */
export async function removeEverything(): Promise<void> {
  await killOwnProcesses()
  await unmountAll()
  const baseline = await readBaseline()
  if (baseline) {
    await removeInterfaces()
    for (const family of families) await removeOwnRules(family, baseline.iptables[family])
    await restoreSysctls(baseline)
    await removeOutside(baseline)
  }
  await removeCgroups()
  for (const directory of [runDirectory, stateDirectory]) {
    if (existsSync(directory)) {
      await run('rm', ['-rf', '--one-file-system', '--', directory], { timeoutMs: 300_000 })
    }
  }
}

async function unmountAll(): Promise<void> {
  const mounted = () => mountPointsUnder(readFileSync('/proc/self/mountinfo', 'utf8'), [stateDirectory, runDirectory])
  const points = mounted()
  if (points.length > 0) await run('umount', points, { allowFailure: true })
  const busy = mounted()
  if (busy.length > 0) await run('umount', ['--lazy', ...busy], { allowFailure: true })
  const left = mounted()
  if (left.length > 0) throw new Error(`cannot unmount ${left.join(' ')}`)
}

/** The kernel removes a pod's link soon after its network namespace; links that remain have the gateway address. */
async function removeInterfaces(): Promise<void> {
  const ip = findProgram('ip')
  if (!ip) return
  await run(ip, ['link', 'delete', nodeInterface], { allowFailure: true })
  const gateway = podRange.replace(/0\/\d+$/, '1')
  await waitFor({
    what: 'the network interfaces of pods to go',
    limitMs: 15_000,
    everyMs: 50,
    until: async () => {
      const { stdout } = await run(ip, ['-4', '-o', 'address', 'show', 'to', gateway])
      const names = [...stdout.matchAll(/^\d+: (\S+)/gm)].flatMap((match) => match[1] ?? [])
      for (const name of names) await run(ip, ['link', 'delete', name], { allowFailure: true })
      return names.length === 0
    },
  })
}

/** cgroup v1 has a tree for each controller, v2 one for all. A cgroup directory is removed only when it is empty. */
async function removeCgroups(): Promise<void> {
  const root = '/sys/fs/cgroup'
  const trees = [root, ...readdirNames(root).map((name) => join(root, name))]
  for (const tree of trees) await removeCgroup(join(tree, 'kubepods'))
}

async function removeCgroup(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(directory, entry.name))
  await rmdir(directory).catch(() => undefined)
}

async function removeOutside(baseline: Baseline): Promise<void> {
  await removeShimSockets(baseline)
  for (const path of outsidePaths.filter((path) => !baseline.existing.includes(path))) {
    if (wholly.includes(path)) await rm(path, { recursive: true, force: true })
    else await removeEmpty(path)
  }
}

/** What holds nothing but what our processes left; of the others only empty directories go. */
const wholly = ['/var/lib/cni', '/var/lib/kubelet', '/var/log/containers', '/run/xtables.lock']

/** A socket that a live process listens on is another containerd's. */
async function removeShimSockets({ shimSockets }: Baseline): Promise<void> {
  const listening = await readFile('/proc/net/unix', 'utf8')
  for (const name of await readdir(shimSocketDirectory).catch(() => [])) {
    const file = join(shimSocketDirectory, name)
    if (!shimSockets.includes(name) && !listening.includes(file)) await rm(file, { force: true })
  }
}

async function removeEmpty(directory: string): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeEmpty(join(directory, entry.name))
  await rmdir(directory).catch(() => undefined)
}

function readdirNames(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
