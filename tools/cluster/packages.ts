import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findProgram, run } from './command.ts'
import { withLock } from './lock.ts'
import type { Log } from './log.ts'
import { cacheDirectory } from './paths.ts'
import type { ContainerdSource } from './releases.ts'

/** Debian package → a program whose presence shows that the package is installed. */
const programs = {
  containerd: 'containerd',
  runc: 'runc',
  'containernetworking-plugins': '/usr/lib/cni/ptp',
  iptables: 'iptables-save',
  conntrack: 'conntrack',
  ethtool: 'ethtool',
  socat: 'socat',
  iproute2: 'ip',
  openssl: 'openssl',
  curl: 'curl',
  'docker.io': 'dockerd',
  'redis-server': 'redis-server',
  haproxy: 'haproxy',
} as const

export type Package = keyof typeof programs
/** Packages for building images and for single tests; a node needs the others. */
const besideNodes: readonly string[] = ['docker.io', 'redis-server', 'haproxy']

/** The packages that a node needs. */
export function nodePackages(containerd: ContainerdSource): Package[] {
  const without = containerd === 'package' ? besideNodes : [...besideNodes, 'containerd']
  return (Object.keys(programs) as Package[]).filter((name) => !without.includes(name))
}

/** Installs what is missing and only that; touches no network if nothing is. */
export async function ensurePackages(wanted: Package[], log: Log): Promise<void> {
  await installPackages(() => missingPackages(wanted), log)
  const still = missingPackages(wanted)
  if (still.length > 0) throw new Error(`packages are installed but their programs are missing: ${still.join(' ')}`)
}

/** Installs what `missing` names. It is asked again once no other installation runs: apt-get refuses a second one. */
export async function installPackages(missing: () => readonly string[], log: Log): Promise<void> {
  if (missing().length === 0) return
  const lock = { what: 'the installation of Debian packages', limitMs: 15 * 60_000, log }
  await withLock(join(cacheDirectory, 'packages.lock'), lock, async () => {
    const names = missing()
    if (names.length > 0) await install(names, log)
  })
}

async function install(missing: readonly string[], log: Log): Promise<void> {
  const list = missing.join(' ')
  const apt = findProgram('apt-get')
  if (!apt) throw new Error(`missing programs of packages ${list}; install them with this system's package manager`)
  if (process.getuid?.() !== 0) throw new Error(`missing packages; run: sudo apt-get install ${list}`)
  log(`installing Debian packages ${list}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run(apt, ['update'], { env, timeoutMs: 180_000 })
  await withoutServices(() =>
    run(apt, ['install', '-y', '--no-install-recommends', ...missing], { env, timeoutMs: 600_000 }),
  )
}

export function missingPackages(wanted: Package[]): Package[] {
  return wanted.filter((name) => {
    const program = programs[name]
    return program.startsWith('/') ? !existsSync(program) : !findProgram(program)
  })
}

/** Debian's own switch (invoke-rc.d(8)) keeps the packages from starting a containerd and a dockerd of their own. */
async function withoutServices<T>(install: () => Promise<T>): Promise<T> {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) return install()
  await writeFile(policy, '#!/bin/sh\nexit 101\n')
  await chmod(policy, 0o755)
  try {
    return await install()
  } finally {
    await rm(policy, { force: true })
  }
}
