import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Daemon } from './daemon.ts'
import { nodeAddress, resolvFile } from './network.ts'
import { startNodeDaemon } from './node-daemon.ts'
import { containerdSocket, stateDirectory } from './paths.ts'
import type { Certificate } from './pki.ts'

export const nodeName = 'signet-node'
export const staticPodDirectory = join(stateDirectory, 'static-pods')
export const podLogDirectory = join(stateDirectory, 'pod-logs')
export const kubeletRoot = join(stateDirectory, 'kubelet')

export interface KubeletInput {
  command: string
  kubeconfig: string
  caFile: string
  serving: Certificate
}

export async function startKubelet({ command, kubeconfig, caFile, serving }: KubeletInput): Promise<Daemon> {
  const configFile = join(stateDirectory, 'kubelet.json')
  await mkdir(staticPodDirectory, { recursive: true })
  await mkdir(kubeletRoot, { recursive: true })
  await writeFile(configFile, JSON.stringify(kubeletConfig(caFile, serving), null, 2))
  return startNodeDaemon('kubelet', command, [
    `--config=${configFile}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${nodeAddress}`,
    `--root-dir=${kubeletRoot}`,
    `--cert-dir=${join(kubeletRoot, 'pki')}`,
  ])
}

/** Settings that differ from the defaults: what a machine without systemd, with cgroup v1 or v2, and swap or not needs. */
function kubeletConfig(caFile: string, serving: Certificate) {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeAddress,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: caFile } },
    authorization: { mode: 'Webhook' },
    tlsCertFile: serving.certificateFile,
    tlsPrivateKeyFile: serving.keyFile,
    containerRuntimeEndpoint: `unix://${containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    featureGates: { KubeletInUserNamespace: true },
    clusterDomain: 'cluster.local',
    clusterDNS: [nodeAddress],
    resolvConf: resolvFile,
    staticPodPath: staticPodDirectory,
    podLogsDir: podLogDirectory,
    volumePluginDir: join(kubeletRoot, 'volume-plugins'),
    // Images cannot be pulled again: never collect them, and do not evict because a developer's disk is nearly full.
    imageGCHighThresholdPercent: 100,
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  }
}
