import * as z from 'zod/mini'
import { identities, number, scopes, text, tokenLifetime } from '../../settings/schemas.ts'
import type { Settings, Values } from '../../settings/setting.ts'
import {
  certificateDirectory,
  httpsPort,
  issuerSettings,
  keyEncryptionKeyFile,
  kubeconfig,
  operationsSettings,
  trustDomainSetting,
  watchNamespaces,
} from '../../settings/shared.ts'

/** The cache that replicas of the authority share. */
export const sharedCacheSettings = {
  redisUrl: {
    flag: 'redis-url',
    argument: 'URL',
    description:
      'shared cache: redis://, redis+sentinel:// or redis+cluster://, rediss instead of redis for TLS (default: none)',
    schema: z.optional(text),
  },
  redisPasswordFile: {
    flag: 'redis-password-file',
    argument: 'FILE',
    description: 'file with the password for Redis',
    schema: z.optional(text),
  },
  redisSentinelPasswordFile: {
    flag: 'redis-sentinel-password-file',
    argument: 'FILE',
    description: 'file with the password for the Sentinels',
    schema: z.optional(text),
  },
  redisCaFile: {
    flag: 'redis-ca-file',
    argument: 'FILE',
    description: 'PEM file with the CA certificates for Redis (default: the public CAs)',
    schema: z.optional(text),
  },
  redisCertificateDirectory: {
    flag: 'redis-certificate-directory',
    argument: 'DIR',
    description: 'directory with tls.crt and tls.key, the client certificate for Redis',
    schema: z.optional(text),
  },
} as const satisfies Settings

/** The settings of `signet authority`. */
export const authoritySettings = {
  ...operationsSettings,
  port: httpsPort('8443'),
  certificateDirectory,
  trustDomain: trustDomainSetting,
  ...issuerSettings,
  watchNamespaces,
  introspectors: {
    flag: 'introspectors',
    argument: 'LIST',
    description: 'identities that may introspect tokens for any audience, as NAMESPACE/NAME, comma-separated',
    fallback: '',
    schema: identities,
  },
  tokenLifetime: {
    flag: 'token-lifetime',
    argument: 'DURATION',
    description: 'lifetime of exchanged tokens, from 1m to 1h, limited by the expiry of the subject token',
    fallback: '5m',
    schema: tokenLifetime,
  },
  allowedScopes: {
    flag: 'allowed-scopes',
    argument: 'LIST',
    description: 'OAuth scopes that every identity may request in an exchanged token, comma-separated',
    fallback: '',
    schema: scopes,
  },
  callerRate: {
    flag: 'caller-rate',
    argument: 'COUNT',
    description: 'requests per second from one identity to token, introspect and revoke together; 0: unlimited',
    fallback: '1000',
    schema: number(0, 1_000_000),
  },
  addressRate: {
    flag: 'address-rate',
    argument: 'COUNT',
    description: 'requests per second from one IP address to token, introspect and revoke together; 0: unlimited',
    fallback: '2000',
    schema: number(0, 1_000_000),
  },
  keyEncryptionKeyFile,
  kubeconfig,
  ...sharedCacheSettings,
} as const satisfies Settings

export type SharedCacheValues = Values<typeof sharedCacheSettings>
export type AuthorityValues = Values<typeof authoritySettings>
