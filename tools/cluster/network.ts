import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'
import { stateDirectory } from './paths.ts'

/**
 * kubelet refuses a loopback address, so the node has one of its own, from the range for benchmarks (RFC 2544), on a
 * bridge without ports: not every kernel has the device type "dummy".
 */
export const nodeAddress = '198.18.0.1'
export const nodeInterface = 'signet-node'
export const podRange = '10.244.0.0/16'
export const cniDirectory = join(stateDirectory, 'cni')
export const cniBinaries = ['/usr/lib/cni', '/opt/cni/bin'].find((directory) => existsSync(directory)) ?? '/usr/lib/cni'
export const networkName = 'signet-pods'

export const resolvFile = join(stateDirectory, 'resolv.conf')

export async function createNodeInterface(): Promise<void> {
  await assertFree()
  await run('ip', ['link', 'add', nodeInterface, 'type', 'bridge'])
  await run('ip', ['address', 'add', `${nodeAddress}/32`, 'dev', nodeInterface])
  await run('ip', ['link', 'set', nodeInterface, 'up'])
}

/** Point-to-point links: every packet is routed by the host, so Service rules hold without the br_netfilter module. */
export async function writeCniConfig(): Promise<void> {
  const config = {
    cniVersion: '0.4.0',
    name: networkName,
    plugins: [
      {
        type: 'ptp',
        ipMasq: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
          dataDir: join(cniDirectory, 'addresses'),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  }
  await mkdir(join(cniDirectory, 'conf'), { recursive: true })
  await writeFile(join(cniDirectory, 'conf/10-signet.conflist'), JSON.stringify(config, null, 2))
}

/** For pods with dnsPolicy Default; a resolver on a loopback address cannot be reached from a pod. */
export async function writeResolvConf(): Promise<{ upstreams: string[] }> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '')
  const upstreams = [...text.matchAll(/^nameserver\s+(\S+)/gm)]
    .map((match) => match[1] ?? '')
    .filter((address) => address !== '' && address !== nodeAddress)
  const reachable = upstreams.filter((address) => !address.startsWith('127.') && address !== '::1')
  const servers = reachable.length > 0 ? reachable : [nodeAddress]
  await writeFile(resolvFile, `${servers.map((address) => `nameserver ${address}`).join('\n')}\n`)
  return { upstreams }
}

async function assertFree(): Promise<void> {
  const { stdout } = await run('ip', ['-4', '-o', 'address', 'show'])
  const taken = stdout.split('\n').find((line) => / inet (198\.18\.0\.1|10\.96\.|10\.244\.)/.test(line))
  if (taken) throw new Error(`cannot create the cluster's networks, an interface has an address there: ${taken.trim()}`)
}
