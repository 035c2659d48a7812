import { files, identitySecretType, tokenFile, workloadSecretName } from '../../identity/workload.ts'
import type { KubeObject } from '../client/object.ts'
import { apiVersion, serviceIdentities } from '../../api/v1alpha1/group-version.ts'
import { workloadSecretLabels } from '../../api/v1alpha1/metadata.ts'
import type { ServiceIdentity } from '../../api/v1alpha1/types.ts'

/** A core/v1 Secret as JSON. Values are base64. */
export interface Secret extends KubeObject {
  type?: string
  data?: Record<string, string>
}

/** The files that a workload mounts. */
export interface WorkloadFiles {
  readonly issuer: string
  /** PEM certificates of the trust domain. */
  readonly trustBundle: string
  /** Compact JWTs by token name. The first is also written to the file `token`. */
  readonly tokens: ReadonlyMap<string, string>
}

/** A value of a Secret as text; undefined if the key is absent. */
export function secretText(secret: Secret, key: string): string | undefined {
  const value = secret.data === undefined || !Object.hasOwn(secret.data, key) ? undefined : secret.data[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8')
}

/** The base64 form in which a Secret carries text. */
export function secretValue(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

/** The `data` of a workload Secret. */
export function encodeWorkloadFiles({ issuer, trustBundle, tokens }: WorkloadFiles): Record<string, string> {
  const data: Record<string, string> = {
    [files.issuer]: secretValue(issuer),
    [files.trustBundle]: secretValue(trustBundle),
  }
  for (const [name, token] of tokens) {
    data[files.token] ??= secretValue(token)
    data[tokenFile(name)] = secretValue(token)
  }
  return data
}

/** Whether the identity with this uid controls the Secret. */
export function isOwnedBy(secret: Secret, uid: string): boolean {
  return secret.metadata.ownerReferences?.some((owner) => owner.uid === uid && owner.controller === true) ?? false
}

/**
 * Whether an identity of this name controls the Secret. If its uid is not that of the current identity, the garbage
 * collector deletes the Secret.
 */
export function isLeftover(secret: Secret, identityName: string): boolean {
  return (
    secret.metadata.ownerReferences?.some(
      ({ kind, name, controller }) => kind === serviceIdentities.kind && name === identityName && controller === true,
    ) ?? false
  )
}

/** The workload Secret of an identity. Keeps the metadata of `previous`, so that the write is a compare-and-swap. */
export function workloadSecret(
  { metadata }: ServiceIdentity,
  data: Record<string, string>,
  previous: Secret | undefined,
): Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      ...previous?.metadata,
      name: workloadSecretName(metadata.name),
      namespace: metadata.namespace ?? '',
      labels: { ...previous?.metadata.labels, ...workloadSecretLabels(metadata.name) },
      ownerReferences: [
        {
          apiVersion,
          kind: serviceIdentities.kind,
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    type: identitySecretType,
    data,
  }
}
