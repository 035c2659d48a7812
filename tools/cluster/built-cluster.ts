import { join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { recordBaseline } from './baseline.ts'
import { kubernetesBinaries, moduleBinaries } from './binaries.ts'
import { run } from './command.ts'
import { coreDnsRole, startComponents } from './components.ts'
import { startContainerd } from './containerd.ts'
import { containerdPrograms } from './containerd-programs.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { type Daemon, goneError } from './daemon.ts'
import { startKubelet, nodeName } from './kubelet.ts'
import type { Log } from './log.ts'
import { createNodeInterface, nodeAddress, writeCniConfig, writeResolvConf } from './network.ts'
import { noProxy } from './no-proxy.ts'
import { ensurePackages, nodePackages } from './packages.ts'
import { controlPlaneDirectory, pidDirectory, runDirectory, stateDirectory } from './paths.ts'
import { importPauseImage } from './pause-image.ts'
import { issue } from './pki.ts'
import { type Minor, releases } from './releases.ts'
import { waitFor } from './wait.ts'

export interface BuiltCluster {
  kubeconfig: string
  kubectl: string
  helm: string
  ctr: string
}

/** One node of upstream binaries on this machine; returns when a pod can be scheduled and resolve names. */
export async function startBuiltCluster(minor: Minor, log: Log): Promise<BuiltCluster> {
  if (process.getuid?.() !== 0) {
    throw new Error('cannot start a node: not root; run as root, or give a cluster by SIGNET_TEST_KUBECONFIG')
  }
  const { version, containerd: source } = releases[minor]
  await ensurePackages(nodePackages(source), log)
  const built = await clusterBinaries(minor, log)
  const runtime = await containerdPrograms(minor, log)
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 })
  await mkdir(runDirectory, { recursive: true, mode: 0o700 })
  await recordBaseline()
  await createNodeInterface()
  const [{ upstreams }] = await Promise.all([writeResolvConf(), writeCniConfig()])

  log(`starting etcd, kube-apiserver ${version} and containerd`)
  const [plane] = await Promise.all([
    startControlPlane({
      directory: controlPlaneDirectory,
      bindAddress: nodeAddress,
      advertiseAddress: nodeAddress,
      kubernetes: minor,
      survive: { state: stateDirectory, pidDirectory },
      log,
    }),
    startContainerd(runtime).then(() => importPauseImage(runtime.ctr, built.pause)),
  ])
  const kubectl = (args: string[], input?: string) =>
    run(built.kubectl, ['--kubeconfig', plane.kubeconfig, ...args], {
      env: { ...process.env, ...noProxy() },
      ...(input === undefined ? {} : { input }),
    })

  log('starting kubelet, kube-proxy, controllers, scheduler and DNS')
  const [kubelet, components] = await Promise.all([
    startNode(built.kubelet, plane),
    // Refused once, CoreDNS would wait seconds before it asks again.
    kubectl(['apply', '-f', '-'], coreDnsRole).then(() => startComponents(built, plane, upstreams)),
  ])
  await waitUntilUsable(kubectl, [kubelet, ...components])
  return { kubeconfig: plane.kubeconfig, kubectl: built.kubectl, helm: built.helm, ctr: runtime.ctr }
}

export type ClusterBinaries = Awaited<ReturnType<typeof clusterBinaries>>

/** Paths of all binaries but those of containerd. */
async function clusterBinaries(minor: Minor, log: Log) {
  // One after the other: each build uses all cores.
  const kubernetes = await kubernetesBinaries(log, minor)
  const { coredns } = await moduleBinaries('coredns', log)
  const { helm } = await moduleBinaries('helm', log)
  const { pause } = await moduleBinaries('pause', log)
  return { ...kubernetes, coredns, helm, pause }
}

async function startNode(command: string, plane: ControlPlane): Promise<Daemon> {
  const [kubeconfig, serving] = await Promise.all([
    plane.kubeconfigFor(`system:node:${nodeName}`, ['system:nodes']),
    issue(join(plane.directory, 'pki'), {
      name: 'kubelet',
      commonName: nodeName,
      usage: 'serverAuth',
      dnsNames: [nodeName],
      addresses: [nodeAddress],
    }),
  ])
  return startKubelet({ command, kubeconfig, caFile: plane.caFile, serving })
}

type Kubectl = (args: string[]) => Promise<{ stdout: string }>

async function waitUntilUsable(kubectl: Kubectl, daemons: Daemon[]): Promise<void> {
  const gaveUp = async () => {
    const errors = await Promise.all(daemons.map((daemon) => goneError(daemon)))
    return errors.find((error) => error !== undefined)
  }
  const ready = '{.status.conditions[?(@.type=="Ready")].status}'
  await waitFor({
    what: `node ${nodeName} to be Ready (log: ${daemons[0]?.logFile ?? ''})`,
    limitMs: 90_000,
    until: async () =>
      (await kubectl(['get', 'node', nodeName, '-o', `jsonpath=${ready}{.spec.taints}`])).stdout === 'True',
    gaveUp,
  })
  await waitFor({
    what: 'ServiceAccount default/default',
    limitMs: 60_000,
    until: async () => (await kubectl(['get', 'serviceaccount', 'default', '-o', 'name'])).stdout !== '',
    gaveUp,
  })
  await waitFor({
    what: 'CoreDNS and kube-proxy to be ready',
    limitMs: 60_000,
    until: async () => {
      const answers = await Promise.all(
        [`http://${nodeAddress}:8181/ready`, 'http://127.0.0.1:10256/healthz'].map((url) =>
          fetch(url, { signal: AbortSignal.timeout(2_000) }),
        ),
      )
      return answers.every(({ ok }) => ok)
    },
    gaveUp,
  })
}
