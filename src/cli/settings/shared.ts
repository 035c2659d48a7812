import * as z from 'zod/mini'
import { issuerScopes } from '../../identity/issuer.ts'
import { logLevels } from '../../telemetry/log.ts'
import { list, namespace, oneOf, port, text, trustDomain, url } from './schemas.ts'
import type { Setting, Settings } from './setting.ts'

// Settings that several commands take. Each command lists its settings in its own settings.ts.

/** The settings of every command that runs as a server. */
export const operationsSettings = {
  logLevel: {
    flag: 'log-level',
    argument: 'LEVEL',
    description: `log level: ${logLevels.join(', ')}`,
    fallback: 'info',
    schema: oneOf(logLevels),
  },
  metricsPort: {
    flag: 'metrics-port',
    argument: 'PORT',
    description: 'port of /metrics',
    fallback: '8080',
    schema: port,
  },
  probePort: {
    flag: 'probe-port',
    argument: 'PORT',
    description: 'port of /livez and /readyz',
    fallback: '8081',
    schema: port,
  },
  namespace: {
    flag: 'namespace',
    argument: 'NAME',
    description: 'namespace in which Signet is installed',
    fallback: 'signet-system',
    schema: namespace,
  },
} as const satisfies Settings

/** The issuer of the tokens, and which tokens share it. */
export const issuerSettings = {
  issuer: {
    flag: 'issuer',
    argument: 'URL',
    description: 'issuer of the cluster scope, with which every issuer begins (default: the Service of the authority)',
    schema: z.optional(url),
  },
  issuerScope: {
    flag: 'issuer-scope',
    argument: 'SCOPE',
    description: `which tokens share an issuer: ${issuerScopes.join(', ')}`,
    fallback: 'cluster',
    schema: z.enum(issuerScopes),
  },
} as const satisfies Settings

/** The HTTPS server of webhook and authority. */
export const certificateDirectory = {
  flag: 'certificate-directory',
  argument: 'DIR',
  description: 'directory with tls.crt and tls.key',
  fallback: '/var/run/signet/tls',
  schema: text,
} as const satisfies Setting

/** The HTTPS port, with the default of the command. */
export const httpsPort = <const Fallback extends string>(fallback: Fallback) =>
  ({ flag: 'port', argument: 'PORT', description: 'HTTPS port', fallback, schema: port }) as const satisfies Setting

export const trustDomainSetting = {
  flag: 'trust-domain',
  argument: 'NAME',
  description: 'SPIFFE trust domain of all identities',
  fallback: 'cluster.local',
  schema: trustDomain,
} as const satisfies Setting

export const watchNamespaces = {
  flag: 'watch-namespaces',
  argument: 'LIST',
  description: 'namespaces whose identities are served, comma-separated (default: all)',
  fallback: '',
  schema: list,
} as const satisfies Setting

export const nudge = {
  flag: 'nudge',
  argument: 'MODE',
  description: 'when to annotate pods so that kubelet refreshes a changed Secret at once: Always, Urgent or Never',
  fallback: 'Urgent',
  schema: oneOf(['Always', 'Urgent', 'Never']),
} as const satisfies Setting

export const allowedClaims = {
  flag: 'allowed-claims',
  argument: 'LIST',
  description: 'extra claims that identities may set, comma-separated',
  fallback: '',
  schema: list,
} as const satisfies Setting

export const keyEncryptionKeyFile = {
  flag: 'key-encryption-key-file',
  argument: 'FILE',
  description:
    'file with the key-encryption keys of private keys at rest; Signet encrypts with the first (default: no encryption)',
  schema: z.optional(text),
} as const satisfies Setting

export const kubeconfig = {
  flag: 'kubeconfig',
  argument: 'FILE',
  description: 'path of the kubeconfig, for a process outside a cluster',
  schema: z.optional(text),
} as const satisfies Setting

/** The issuer of the cluster scope if `--issuer` is not set: the Service of the authority. */
export function defaultIssuer(namespace: string): string {
  return `https://signet-authority.${namespace}.svc`
}
