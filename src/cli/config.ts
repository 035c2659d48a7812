import { hostname } from 'node:os'
import * as z from 'zod/mini'
import { SignetError } from '../errors.ts'
import { issuerScopes } from '../identity/issuer.ts'
import { logLevels } from '../telemetry/log.ts'
import {
  duration,
  identities,
  list,
  namespace,
  number,
  oneOf,
  port,
  scopes,
  text,
  tokenLifetime,
  trustDomain,
  url,
} from './setting-schemas.ts'

/** A setting cannot be used: `ERR_CONFIG`. The message names flag, value and remedy. */
export class ConfigError extends SignetError {
  constructor(message: string) {
    super('ERR_CONFIG', message)
  }
}

/** One setting of a command: its flag, what it is for, and how it is read. */
export interface Setting {
  readonly flag: string
  readonly argument: string
  readonly description: string
  readonly fallback?: string
  readonly schema: z.ZodMiniType
}

/** Every setting of every command. Each is a flag, and an environment variable SIGNET_ with the flag in capitals. */
export const settings = {
  logLevel: {
    flag: 'log-level',
    argument: 'LEVEL',
    description: `one of ${logLevels.join(', ')}`,
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
    description: "the operator's own namespace",
    fallback: 'signet-system',
    schema: namespace,
  },
  trustDomain: {
    flag: 'trust-domain',
    argument: 'NAME',
    description: 'SPIFFE trust domain of all identities',
    fallback: 'cluster.local',
    schema: trustDomain,
  },
  issuer: {
    flag: 'issuer',
    argument: 'URL',
    description: "issuer of the tokens, or what it begins with (default: the authority's Service)",
    schema: z.optional(url),
  },
  issuerScope: {
    flag: 'issuer-scope',
    argument: 'SCOPE',
    description: `whose tokens share one issuer: ${issuerScopes.join(', ')}`,
    fallback: 'cluster',
    schema: z.enum(issuerScopes),
  },
  clusterDomain: {
    flag: 'cluster-domain',
    argument: 'NAME',
    description: 'DNS domain of the cluster',
    fallback: 'cluster.local',
    schema: text,
  },
  watchNamespaces: {
    flag: 'watch-namespaces',
    argument: 'LIST',
    description: 'namespaces to work in, comma-separated (default: all)',
    fallback: '',
    schema: list,
  },
  introspectors: {
    flag: 'introspectors',
    argument: 'LIST',
    description: 'identities that may introspect tokens for any audience, as NAMESPACE/NAME, comma-separated',
    fallback: '',
    schema: identities,
  },
  nudge: {
    flag: 'nudge',
    argument: 'MODE',
    description: 'when pods are told of a new Secret: Always, Urgent or Never',
    fallback: 'Urgent',
    schema: oneOf(['Always', 'Urgent', 'Never']),
  },
  allowedClaims: {
    flag: 'allowed-claims',
    argument: 'LIST',
    description: 'extra claims that identities may ask for, comma-separated',
    fallback: '',
    schema: list,
  },
  tokenLifetime: {
    flag: 'token-lifetime',
    argument: 'DURATION',
    description: 'lifetime of exchanged tokens, from 1m to 1h; none outlives what it was exchanged for',
    fallback: '5m',
    schema: tokenLifetime,
  },
  allowedScopes: {
    flag: 'allowed-scopes',
    argument: 'LIST',
    description: 'scopes that every identity may ask for in an exchanged token, comma-separated',
    fallback: '',
    schema: scopes,
  },
  callerRate: {
    flag: 'caller-rate',
    argument: 'COUNT',
    description: 'requests a second that one identity may make to token, introspect and revoke together; 0: any number',
    fallback: '1000',
    schema: number(0, 1_000_000),
  },
  addressRate: {
    flag: 'address-rate',
    argument: 'COUNT',
    description: 'requests a second to these endpoints that one address may make; 0: any number',
    fallback: '2000',
    schema: number(0, 1_000_000),
  },
  caLifetime: {
    flag: 'ca-lifetime',
    argument: 'DURATION',
    description: 'lifetime of the trust domain CA',
    fallback: '8760h',
    schema: duration,
  },
  servingCertificateLifetime: {
    flag: 'serving-certificate-lifetime',
    argument: 'DURATION',
    description: 'lifetime of the serving certificates',
    fallback: '720h',
    schema: duration,
  },
  workers: {
    flag: 'workers',
    argument: 'COUNT',
    description: 'identities reconciled at the same time',
    fallback: '16',
    schema: number(1, 256),
  },
  keyEncryptionKeyFile: {
    flag: 'key-encryption-key-file',
    argument: 'FILE',
    description: 'keys that encrypt private keys at rest, the current one first (default: stored in clear)',
    schema: z.optional(text),
  },
  issuingKeyEncryptionKeyFile: {
    flag: 'issuing-key-encryption-key-file',
    argument: 'FILE',
    description: "the same for the authority's own key ring (default: stored in clear)",
    schema: z.optional(text),
  },
  kubeconfig: {
    flag: 'kubeconfig',
    argument: 'FILE',
    description: 'kubeconfig, outside a cluster',
    schema: z.optional(text),
  },
  identity: {
    flag: 'identity',
    argument: 'NAME',
    description: 'name of this replica in the Lease (default: the host name)',
    fallback: hostname(),
    schema: text,
  },
  redisUrl: {
    flag: 'redis-url',
    argument: 'URL',
    description:
      'Redis that replicas share: redis://, redis+sentinel:// or redis+cluster://, rediss for TLS (default: none)',
    schema: z.optional(text),
  },
  redisPasswordFile: {
    flag: 'redis-password-file',
    argument: 'FILE',
    description: 'password for Redis',
    schema: z.optional(text),
  },
  redisSentinelPasswordFile: {
    flag: 'redis-sentinel-password-file',
    argument: 'FILE',
    description: 'password for the Sentinels',
    schema: z.optional(text),
  },
  redisCaFile: {
    flag: 'redis-ca-file',
    argument: 'FILE',
    description: 'PEM certificates that Redis is trusted by',
    schema: z.optional(text),
  },
  redisCertificateDirectory: {
    flag: 'redis-certificate-directory',
    argument: 'DIR',
    description: 'folder with tls.crt and tls.key to show to Redis',
    schema: z.optional(text),
  },
  port: { flag: 'port', argument: 'PORT', description: 'HTTPS port', schema: port },
  certificateDirectory: {
    flag: 'certificate-directory',
    argument: 'DIR',
    description: 'folder with tls.crt and tls.key',
    fallback: '/var/run/signet/tls',
    schema: text,
  },
} as const satisfies Record<string, Setting>

/** What `signet authority` is told about Redis. */
export const sharedCacheSettings = [
  'redisUrl',
  'redisPasswordFile',
  'redisSentinelPasswordFile',
  'redisCaFile',
  'redisCertificateDirectory',
] as const satisfies readonly SettingName[]

export type SettingName = keyof typeof settings
export type Values<Name extends SettingName> = { readonly [K in Name]: z.output<(typeof settings)[K]['schema']> }

/**
 * Reads the named settings: the flag first, then the environment variable, then the default. Throws ConfigError for
 * the first that cannot be used.
 */
export function readSettings<const Names extends readonly SettingName[]>(
  names: Names,
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
  defaults: Partial<Record<SettingName, string>> = {},
): Values<Names[number]> {
  const entries = names.map((name) => {
    const setting: Setting = settings[name]
    const variable = variableOf(setting)
    const fromFlag = flags[name]
    const fromEnvironment = environment[variable]
    const value =
      fromFlag ?? (fromEnvironment === '' ? undefined : fromEnvironment) ?? defaults[name] ?? setting.fallback
    const read = setting.schema.safeParse(value)
    if (read.success) return [name, read.data]
    const source = fromFlag === undefined ? variable : `--${setting.flag}`
    throw new ConfigError(
      `${source}: cannot use "${typeof value === 'string' ? value : ''}": ${read.error.issues[0]?.message ?? 'unknown form'}`,
    )
  })
  // Each value came out of the schema of its own name.
  return Object.fromEntries(entries) as Values<Names[number]>
}

/** `--metrics-port` → `SIGNET_METRICS_PORT`. */
export function variableOf({ flag }: Pick<Setting, 'flag'>): string {
  return `SIGNET_${flag.replaceAll('-', '_').toUpperCase()}`
}

/** The issuer where none is set: the authority's Service. */
export function defaultIssuer(namespace: string): string {
  return `https://signet-authority.${namespace}.svc`
}
