import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandResult, run } from '../../tools/cluster/command.ts'
import type { TestCluster } from './cluster.ts'

export interface HostProgram {
  command: string
  parameters: readonly string[]
  input?: string
  env?: Readonly<Record<string, string>>
}

/**
 * Runs a program on this machine that resolves names as a pod does: it sees a resolv.conf of its own, in a mount
 * namespace of its own. `pod` is any running pod, whose DNS server is asked.
 */
export async function withClusterDns(
  test: TestCluster,
  pod: { namespace: string; name: string },
  { command, parameters, input = '', env = {} }: HostProgram,
): Promise<CommandResult> {
  const servers = await test.node(pod.namespace, pod.name, 'console.log(require("dns").getServers()[0])')
  const directory = await mkdtemp(join(tmpdir(), 'signet-dns-'))
  try {
    const file = join(directory, 'resolv.conf')
    await writeFile(file, `nameserver ${servers.trim()}\nsearch cluster.local\noptions ndots:5\n`)
    const script = 'mount --bind "$RESOLV" /etc/resolv.conf && exec "$@"'
    return await run('unshare', ['--mount', 'sh', '-c', script, 'sh', command, ...parameters], {
      env: { ...process.env, ...test.cluster.env, ...env, RESOLV: file },
      input,
      allowFailure: true,
    })
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
