import { readFile, stat } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { join } from 'node:path'
import { messageOf, SignetError } from '../../errors.ts'

/** What authenticates this process to the API server. Certificates and keys are PEM. Never logged. */
export interface KubeCredential {
  readonly headers: Readonly<Record<string, string>>
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** How to reach an API server and authenticate to it. */
export interface KubeConfiguration {
  /** Base URL, `https://10.96.0.1:443`. */
  readonly server: string
  /** PEM. Without `ca` and `caFile` the CAs of the system are trusted. */
  readonly ca?: string | undefined
  /** PEM. Read again every minute, so that a rotated CA is noticed. */
  readonly caFile?: string | undefined
  readonly token?: string | undefined
  /** Read again every minute and after a 401, so that a rotated token is noticed. */
  readonly tokenFile?: string | undefined
  /** Client certificate and key, PEM. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** The name in the server's certificate, if it differs from the host of the URL. */
  readonly serverName?: string | undefined
  readonly insecureSkipVerify?: boolean | undefined
  readonly proxyUrl?: string | undefined
  /** Runs the exec plugin or identity provider of the kubeconfig. Replaces token, cert and key. */
  readonly authenticate?: (() => Promise<KubeCredential>) | undefined
  /** The namespace of this pod, or that of the kubeconfig's context. */
  readonly namespace?: string | undefined
}

/** The API server's address or this process's credentials cannot be loaded: `ERR_KUBE_CONFIG`. */
export class KubeConfigError extends SignetError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_KUBE_CONFIG', message, options)
  }
}

interface LoadConfigOptions {
  /** A kubeconfig file. Takes precedence over everything else. */
  readonly kubeconfig?: string | undefined
  /** `process.env`. Tells whether this process runs in a pod. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** The directory that kubelet mounts the ServiceAccount's token in. */
  readonly serviceAccountDirectory?: string | undefined
}

const serviceAccountMount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Loads the named kubeconfig, else the pod's ServiceAccount, else the user's default kubeconfig. */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<KubeConfiguration> {
  const { kubeconfig, environment = {}, serviceAccountDirectory = serviceAccountMount } = options
  if (kubeconfig !== undefined) return fromKubeconfig({ kubeconfig })
  const host = environment['KUBERNETES_SERVICE_HOST']
  if (host) return inCluster(host, environment['KUBERNETES_SERVICE_PORT'] ?? '443', serviceAccountDirectory)
  const mounted = await stat(join(serviceAccountDirectory, 'token')).catch(() => undefined)
  // Every pod can reach the API server by this name, and the server's certificate contains it.
  if (mounted !== undefined) return inCluster('kubernetes.default.svc', '443', serviceAccountDirectory)
  return fromKubeconfig({})
}

interface UserConfigOptions {
  readonly kubeconfig?: string | undefined
  /** Defaults to the kubeconfig's current context. */
  readonly context?: string | undefined
}

/** Loads what kubectl would: the named kubeconfig, else the user's default one, else the pod's ServiceAccount. */
export function loadUserConfig(options: UserConfigOptions): Promise<KubeConfiguration> {
  return fromKubeconfig(options)
}

async function inCluster(host: string, port: string, directory: string): Promise<KubeConfiguration> {
  const namespace = await readFile(join(directory, 'namespace'), 'utf8').catch(() => undefined)
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    caFile: join(directory, 'ca.crt'),
    tokenFile: join(directory, 'token'),
    ...(namespace === undefined ? {} : { namespace: namespace.trim() }),
  }
}

/** The server that client-node falls back to if it finds neither a kubeconfig nor a pod's ServiceAccount. */
const fallbackServer = 'http://localhost:8080'

/** client-node parses kubeconfigs and runs their plugins. Imported lazily: loading it takes most of a second. */
async function fromKubeconfig({ kubeconfig: file, context }: UserConfigOptions): Promise<KubeConfiguration> {
  const { KubeConfig } = await import('./kubeconfig-parser.ts')
  const config = new KubeConfig()
  try {
    if (file === undefined) config.loadFromDefault()
    else config.loadFromFile(file)
  } catch (error) {
    throw new KubeConfigError(`cannot read kubeconfig ${file ?? 'of this user'}: ${messageOf(error)}`, { cause: error })
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const names = config.getContexts().map(({ name }) => name)
      throw new KubeConfigError(`kubeconfig has no context ${context}; it has: ${names.join(', ')}`)
    }
    config.setCurrentContext(context)
  }
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new KubeConfigError(`kubeconfig ${file ?? 'of this user'} has no current cluster`)
  if (file === undefined && cluster.server === fallbackServer) {
    throw new KubeConfigError(
      'no cluster found: not running in a pod, and no kubeconfig exists; pass --kubeconfig FILE',
    )
  }
  const user = config.getCurrentUser()
  const authenticate = async (): Promise<KubeCredential> => {
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
    )
    if (user?.username) headers['authorization'] = `Basic ${btoa(`${user.username}:${user.password ?? ''}`)}`
    return { headers, ca: textOf(options.ca), cert: textOf(options.cert), key: textOf(options.key) }
  }
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace
  return {
    server: cluster.server,
    authenticate,
    insecureSkipVerify: cluster.skipTLSVerify,
    ...(cluster.tlsServerName === undefined ? {} : { serverName: cluster.tlsServerName }),
    ...(cluster.proxyUrl === undefined ? {} : { proxyUrl: cluster.proxyUrl }),
    ...(namespace === undefined ? {} : { namespace }),
  }
}

function textOf(pem: unknown): string | undefined {
  if (typeof pem === 'string') return pem
  return Buffer.isBuffer(pem) ? pem.toString('utf8') : undefined
}
