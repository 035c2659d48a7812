import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { accountUser, Kubectl } from '../../apiserver/kubectl.ts'
import { operatorNamespace, renderChart } from '../../chart/helm.ts'
import { run } from '../../../tools/cluster/command.ts'
import { type ControlPlane, startControlPlane } from '../../../tools/cluster/control-plane.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from '../../../tools/cluster/daemon.ts'
import type { Log } from '../../../tools/cluster/log.ts'
import { projectDirectory } from '../../../tools/cluster/paths.ts'
import { issue, type Leaf } from '../../../tools/cluster/pki.ts'
import { freePorts } from '../../../tools/cluster/ports.ts'
import { waitFor } from '../../../tools/cluster/wait.ts'
import { type RoundRobin, startRoundRobin } from './round-robin.ts'

/** Signet without a node: a real API server, the controller, and replicas of the authority behind one address. */
export interface RunningIssuer {
  /** The issuer's URL, as in the tokens and as verifiers reach it. */
  readonly url: string
  readonly caFile: string
  readonly kubeconfig: string
  readonly kubectl: Kubectl
  /** For files of others; removed with it. */
  readonly directory: string
  readonly stop: () => Promise<void>
}

/** Starts `dist/signet.mjs` as built from the sources at hand, each process with the rights the chart gives it. */
export async function startIssuer(log: Log, { replicas = 2 } = {}): Promise<RunningIssuer> {
  const { stdout } = await run(process.execPath, ['scripts/build.ts'], { cwd: projectDirectory, timeoutMs: 300_000 })
  log(stdout.trim())
  const plane = await startControlPlane({ log })
  const daemons: Daemon[] = []
  let front: RoundRobin | undefined
  const stop = async (): Promise<void> => {
    await front?.close()
    await Promise.all(daemons.map((daemon) => stopDaemon(daemon, 10_000)))
    await plane.stop()
  }
  try {
    const kubectl = await Kubectl.of(plane)
    await kubectl.apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: operatorNamespace } }])
    const kinds = /Role(Binding)?$|^ServiceAccount$|^CustomResourceDefinition$|^ValidatingAdmissionPolicy(Binding)?$/
    await kubectl.apply((await renderChart()).filter(({ kind }) => kinds.test(kind)))
    const [port = 0, ...authorityPorts] = await freePorts(1 + replicas)
    const url = `https://127.0.0.1:${port}`
    const certificates = await servingCertificate(plane)
    daemons.push(await startCommand(plane, 'controller', 'controller', ['--issuer', url]))
    for (const [index, own] of authorityPorts.entries()) {
      const flags = ['--issuer', url, '--port', String(own), '--certificate-directory', certificates]
      daemons.push(await startCommand(plane, 'authority', `authority-${index}`, flags))
    }
    front = await startRoundRobin(port, authorityPorts)
    const { caFile, kubeconfig, directory } = plane
    return { url, caFile, kubeconfig, kubectl, directory, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Resolves once the process is ready by its own word. */
async function startCommand(
  plane: ControlPlane,
  command: 'controller' | 'authority',
  name: string,
  flags: readonly string[],
): Promise<Daemon> {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`]
  const kubeconfig = await plane.kubeconfigFor(accountUser(operatorNamespace, `signet-${command}`), groups)
  const [metricsPort = 0, probePort = 0] = await freePorts(2)
  const ports = ['--metrics-port', String(metricsPort), '--probe-port', String(probePort)]
  const bundle = join(projectDirectory, 'dist/signet.mjs')
  const daemon = await startDaemon({
    name,
    command: process.execPath,
    args: [bundle, command, '--namespace', operatorNamespace, '--kubeconfig', kubeconfig, ...ports, ...flags],
    logFile: join(plane.directory, 'logs', `${name}.log`),
    state: plane.directory,
    diesWithParent: true,
  })
  const ready = async () => (await fetch(`http://127.0.0.1:${probePort}/readyz`)).ok
  try {
    await waitFor({ what: `${name} to be ready`, limitMs: 60_000, until: ready, gaveUp: () => goneError(daemon) })
  } catch (error) {
    await stopDaemon(daemon)
    throw error
  }
  return daemon
}

/** A folder as the authority finds it mounted, for the loopback address. */
async function servingCertificate({ directory }: ControlPlane): Promise<string> {
  const leaf: Leaf = { name: 'authority', commonName: 'authority', usage: 'serverAuth', addresses: ['127.0.0.1'] }
  const { certificateFile, keyFile } = await issue(join(directory, 'pki'), leaf)
  const folder = join(directory, 'authority')
  await mkdir(folder, { mode: 0o700 })
  await copyFile(certificateFile, join(folder, 'tls.crt'))
  await copyFile(keyFile, join(folder, 'tls.key'))
  return folder
}
