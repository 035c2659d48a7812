import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Binaries, KubernetesBinaries } from './binaries.ts'
import type { ControlPlane } from './control-plane.ts'
import type { Daemon } from './daemon.ts'
import { nodeAddress, podRange } from './network.ts'
import { startNodeDaemon } from './node-daemon.ts'
import { stateDirectory } from './paths.ts'

type ComponentBinaries = KubernetesBinaries & Binaries<'coredns'>

const configDirectory = join(stateDirectory, 'config')

/** Everything of the cluster that is neither control plane storage nor the node's agent. */
export async function startComponents(
  binaries: ComponentBinaries,
  plane: ControlPlane,
  upstreams: string[],
): Promise<Daemon[]> {
  await mkdir(configDirectory, { recursive: true })
  return Promise.all([
    startControllerManager(binaries, plane),
    startScheduler(binaries, plane),
    startKubeProxy(binaries, plane),
    startCoreDns(binaries, plane, upstreams),
  ])
}

async function startControllerManager(binaries: ComponentBinaries, plane: ControlPlane): Promise<Daemon> {
  const kubeconfig = await plane.kubeconfigFor('system:kube-controller-manager')
  const pki = join(plane.directory, 'pki')
  return startNodeDaemon('kube-controller-manager', binaries['kube-controller-manager'], [
    `--kubeconfig=${kubeconfig}`,
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${join(pki, 'sa.key')}`,
    `--root-ca-file=${plane.caFile}`,
    `--cluster-signing-cert-file=${plane.caFile}`,
    `--cluster-signing-key-file=${join(pki, 'ca.key')}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
  ])
}

async function startScheduler(binaries: ComponentBinaries, plane: ControlPlane): Promise<Daemon> {
  const kubeconfig = await plane.kubeconfigFor('system:kube-scheduler')
  return startNodeDaemon('kube-scheduler', binaries['kube-scheduler'], [
    `--kubeconfig=${kubeconfig}`,
    // Without a config of its own it would look up its authentication settings with another kubeconfig.
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--leader-elect=false',
    '--bind-address=127.0.0.1',
  ])
}

async function startKubeProxy(binaries: ComponentBinaries, plane: ControlPlane): Promise<Daemon> {
  const file = join(configDirectory, 'kube-proxy.json')
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    bindAddress: nodeAddress,
    hostnameOverride: 'signet-node',
    clusterCIDR: podRange,
    clientConnection: { kubeconfig: await plane.kubeconfigFor('system:kube-proxy') },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    // The settings of connection tracking belong to the machine.
    conntrack: {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: '0s',
      tcpCloseWaitTimeout: '0s',
      udpTimeout: '0s',
      udpStreamTimeout: '0s',
    },
  }
  await writeFile(file, JSON.stringify(config, null, 2))
  return startNodeDaemon('kube-proxy', binaries['kube-proxy'], [`--config=${file}`])
}

async function startCoreDns(binaries: ComponentBinaries, plane: ControlPlane, upstreams: string[]): Promise<Daemon> {
  const file = join(configDirectory, 'Corefile')
  const kubeconfig = await plane.kubeconfigFor(coreDnsUser)
  await writeFile(
    file,
    `. {
  bind ${nodeAddress}
  errors
  ready ${nodeAddress}:8181
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig} signet
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  ${upstreams.length > 0 ? `forward . ${upstreams.join(' ')}` : ''}
  cache 5
}
`,
  )
  return startNodeDaemon('coredns', binaries.coredns, ['-conf', file])
}

const coreDnsUser = 'system:coredns'

/** What CoreDNS may read, as its own manifests say. */
export const coreDnsRole = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${coreDnsUser}}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${coreDnsUser}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${coreDnsUser}}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ${coreDnsUser}}]
`
