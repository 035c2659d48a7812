import { hostname } from 'node:os'
import * as z from 'zod/mini'
import { duration, number, text } from '../../settings/schemas.ts'
import type { Settings, Values } from '../../settings/setting.ts'
import {
  allowedClaims,
  issuerSettings,
  keyEncryptionKeyFile,
  kubeconfig,
  nudge,
  operationsSettings,
  trustDomainSetting,
  watchNamespaces,
} from '../../settings/shared.ts'

/** The settings of `signet controller`. */
export const controllerSettings = {
  ...operationsSettings,
  trustDomain: trustDomainSetting,
  ...issuerSettings,
  clusterDomain: {
    flag: 'cluster-domain',
    argument: 'NAME',
    description: 'DNS domain of the cluster',
    fallback: 'cluster.local',
    schema: text,
  },
  watchNamespaces,
  nudge,
  allowedClaims,
  caLifetime: {
    flag: 'ca-lifetime',
    argument: 'DURATION',
    description: 'lifetime of the CA of the trust domain, at least 1h',
    fallback: '8760h',
    schema: duration,
  },
  servingCertificateLifetime: {
    flag: 'serving-certificate-lifetime',
    argument: 'DURATION',
    description: 'lifetime of the serving certificates, at least 10m and at most a quarter of the lifetime of the CA',
    fallback: '720h',
    schema: duration,
  },
  workers: {
    flag: 'workers',
    argument: 'COUNT',
    description: 'number of identities to reconcile concurrently, from 1 to 256',
    fallback: '16',
    schema: number(1, 256),
  },
  keyEncryptionKeyFile,
  issuingKeyEncryptionKeyFile: {
    flag: 'issuing-key-encryption-key-file',
    argument: 'FILE',
    description: "file with the key-encryption keys of the authority's issuing keys (default: no encryption)",
    schema: z.optional(text),
  },
  kubeconfig,
  identity: {
    flag: 'identity',
    argument: 'NAME',
    description: 'name of this replica in the Lease (default: the host name)',
    schema: z._default(text, hostname),
  },
} as const satisfies Settings

export type ControllerValues = Values<typeof controllerSettings>
