import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiRequest, type Credentials } from './api-request.ts'
import { apiServerArguments, auditPolicy } from './api-server-flags.ts'
import { kubernetesBinaries } from './binaries.ts'
import { type Daemon, goneError, startDaemon, stopDaemon } from './daemon.ts'
import { startEtcd } from './etcd.ts'
import { renderKubeconfig } from './kubeconfig.ts'
import { type Log, silent } from './log.ts'
import { ensurePackages } from './packages.ts'
import { type Certificate, createControlPlanePki, issue, readCertificate } from './pki.ts'
import { freePorts } from './ports.ts'
import type { Minor } from './releases.ts'
import { temporaryDirectory } from './temporary-directory.ts'
import { waitFor } from './wait.ts'

export interface ControlPlaneOptions {
  /** Where all files go; default: a new temporary directory, removed by `stop`. */
  directory?: string
  log?: Log
  /** Default: the one that SIGNET_KUBERNETES names. */
  kubernetes?: Minor
  /** Added after our own flags, so the last one wins where a flag may be given once. */
  apiServerFlags?: string[]
  bindAddress?: string
  /** Write an audit log (level Metadata) to `auditLog`. */
  audit?: boolean
  /** The address that pods reach the API server at; also starts the endpoint of Service `kubernetes`. */
  advertiseAddress?: string
  /** Outlive this process; `state` then marks the processes as part of that cluster. */
  survive?: { state: string; pidDirectory: string }
}

/** etcd and kube-apiserver, nothing else: no controller, no node. */
export interface ControlPlane {
  url: string
  /** A user of group system:masters. */
  kubeconfig: string
  caFile: string
  directory: string
  auditLog?: string
  apiServerPid(): number
  /** A kubeconfig file for a user that has only what RBAC gives it. */
  kubeconfigFor(user: string, groups?: string[]): Promise<string>
  restartApiServer(options?: { downMs?: number }): Promise<void>
  stopApiServer(): Promise<void>
  startApiServer(): Promise<void>
  restartEtcd(): Promise<void>
  stop(): Promise<void>
}

const graceMs = 4_000

/** Starts both on free ports and returns when the API server is ready; several can run at once. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { log = silent, bindAddress = '127.0.0.1', survive } = options
  await ensurePackages(['openssl'], log)
  const { 'kube-apiserver': command, etcd: etcdCommand } = await kubernetesBinaries(log, options.kubernetes)
  const directory = options.directory ?? (await temporaryDirectory('signet-control-plane'))
  const pkiDirectory = join(directory, 'pki')
  const host = bindAddress === '0.0.0.0' ? '127.0.0.1' : bindAddress
  const [[port], [etcdPort]] = (await Promise.all([freePorts(1, bindAddress), freePorts(1)])) as [[number], [number]]
  const url = `https://${host}:${port}`
  const addresses = [...new Set(['127.0.0.1', '10.96.0.1', host, options.advertiseAddress ?? host])]
  const pki = await createControlPlanePki(pkiDirectory, addresses)
  const auditPolicyFile = join(directory, 'audit-policy.yaml')
  await writeFile(auditPolicyFile, auditPolicy)
  const auditLog = options.audit ? join(directory, 'logs/audit.log') : undefined

  const pidFile = (name: string) => (survive ? { pidFile: join(survive.pidDirectory, `${name}.json`) } : {})
  const common = { state: survive?.state ?? directory, diesWithParent: !survive }
  const logFile = (name: string) => join(directory, 'logs', `${name}.log`)
  const runEtcd = () =>
    startEtcd(
      { name: 'etcd', command: etcdCommand, logFile: logFile('etcd'), ...common, ...pidFile('etcd') },
      { dataDirectory: join(directory, 'etcd'), port: etcdPort, pki },
    )
  const credentials: Credentials = {
    ca: await readFile(pki.ca.certificateFile, 'utf8'),
    ...(await readCertificate(pki.admin).then(({ certificate, key }) => ({ cert: certificate, key }))),
  }
  const flags = apiServerArguments({
    bindAddress,
    port,
    etcdPort,
    pki,
    advertiseAddress: options.advertiseAddress,
    audit: auditLog ? { policyFile: auditPolicyFile, logFile: auditLog } : undefined,
  })
  const runApiServer = async () => {
    const args = [...flags, ...(options.apiServerFlags ?? [])]
    const daemon = await startDaemon({
      ...{ name: 'kube-apiserver', command, args, logFile: logFile('kube-apiserver') },
      ...{ ...common, ...pidFile('kube-apiserver') },
    })
    await waitFor({
      what: `kube-apiserver at ${url}/readyz (log: ${daemon.logFile})`,
      limitMs: 60_000,
      everyMs: 50,
      until: () => isServing(url, credentials),
      gaveUp: () => goneError(daemon),
    })
    return daemon
  }

  const kubeconfigsDirectory = join(directory, 'kubeconfigs')
  const writeKubeconfig = async (name: string, user: string, client: Certificate) => {
    const { certificate, key } = await readCertificate(client)
    const file = join(kubeconfigsDirectory, `${name}.yaml`)
    await mkdir(kubeconfigsDirectory, { recursive: true, mode: 0o700 })
    const pems = { certificateAuthority: credentials.ca, clientCertificate: certificate, clientKey: key }
    await writeFile(file, renderKubeconfig({ cluster: 'signet', server: url, user, ...pems }), { mode: 0o600 })
    return file
  }
  const issued = new Map<string, Promise<string>>()
  const kubeconfigFor = (user: string, groups: string[] = []): Promise<string> => {
    const name = fileNameOf(user, groups)
    const leaf = { name: `user-${name}`, commonName: user, organizations: groups, usage: 'clientAuth' } as const
    const file = issued.get(name) ?? issue(pkiDirectory, leaf).then((client) => writeKubeconfig(name, user, client))
    issued.set(name, file)
    return file
  }

  let etcd = await runEtcd()
  let apiServer: Daemon | undefined = await runApiServer()
  const stopApiServer = async (): Promise<void> => {
    if (apiServer) await stopDaemon(apiServer, graceMs)
    apiServer = undefined
  }
  const startApiServer = async (): Promise<void> => {
    apiServer ??= await runApiServer()
  }
  return {
    url,
    kubeconfig: await writeKubeconfig('admin', 'admin', pki.admin),
    caFile: pki.ca.certificateFile,
    directory,
    ...(auditLog ? { auditLog } : {}),
    apiServerPid: () => {
      if (!apiServer) throw new Error('kube-apiserver is stopped')
      return apiServer.pid
    },
    kubeconfigFor,
    stopApiServer,
    startApiServer,
    restartApiServer: async ({ downMs = 0 } = {}) => {
      await stopApiServer()
      await sleep(downMs)
      await startApiServer()
    },
    restartEtcd: async () => {
      await stopDaemon(etcd, 1_000)
      etcd = await runEtcd()
      await waitFor({
        what: `kube-apiserver to be ready again after etcd's restart`,
        limitMs: 30_000,
        until: () => (apiServer ? isServing(url, credentials) : Promise.resolve(true)),
      })
    },
    stop: async () => {
      await Promise.all([apiServer && stopDaemon(apiServer), stopDaemon(etcd)])
      apiServer = undefined
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Ready, and the namespaces that every test takes for granted are there (created a moment after /readyz). */
async function isServing(url: string, credentials: Credentials): Promise<boolean> {
  for (const path of ['/readyz', '/api/v1/namespaces/default', '/api/v1/namespaces/kube-system']) {
    if ((await apiRequest(url + path, credentials, { timeoutMs: 2_000 })).status !== 200) return false
  }
  return true
}

function fileNameOf(user: string, groups: string[]): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([user, groups]))
    .digest('hex')
    .slice(0, 8)
  return `${user.replaceAll(/[^\w-]+/g, '-').slice(0, 40)}-${digest}`
}
