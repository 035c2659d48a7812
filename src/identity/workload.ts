import { isAuthority, type RingOwner, theAuthority } from './key-owner.ts'

// Fixed names. docs/reference/labels-and-annotations.md is generated from the comments of labels and annotations.

/** On a Pod: `true` requests the volume with the tokens of its ServiceAccount's identity. Set it when creating the Pod. */
export const injectLabel = 'signet.dev/inject'
/** On a Pod: the webhook sets it to the name of the identity whose volume it has injected. */
export const injectedAnnotation = 'signet.dev/injected'
/** On a Pod: a comma-separated list of the containers in which the webhook does not mount the volume. */
export const skipContainersAnnotation = 'signet.dev/skip-containers'
/** On a Pod: the controller changes its value after a change of the Secret, so that kubelet refreshes the files at once. */
export const nudgeAnnotation = 'signet.dev/nudge'
/** On a ServiceIdentity, or on the ConfigMap `signet-jwks.authority`: any new value requests a rotation of the signing key. */
export const rotateKeyAnnotation = 'signet.dev/rotate-key'
/** On the ConfigMap `signet-jwks.authority`: a comma-separated list of the IDs of issuing keys to revoke. */
export const revokeKeyAnnotation = 'signet.dev/revoke-key'
export const volumeName = 'signet'
export const mountPath = '/var/run/secrets/signet.dev'

/** The type of the Secret with the tokens of an identity. */
export const identitySecretType = 'signet.dev/identity'
/** The type of the Secret with a key ring. */
export const keyRingSecretType = 'signet.dev/key-ring'

/**
 * The longest name of a ServiceIdentity, in characters: the Secret name `signet-keys.<ns ≤ 63>.<name>` must fit in 253.
 */
export const maxIdentityNameLength = 177

/** Files of the mounted volume. Each token is mounted as `<token name>.jwt` as well. */
export const files = {
  token: 'token',
  issuer: 'issuer',
  trustBundle: 'ca.crt',
  certificate: 'tls.crt',
  certificateKey: 'tls.key',
} as const

export function tokenFile(tokenName: string): string {
  return `${tokenName}.jwt`
}

/** The Secret with a workload's token files, in the namespace of the identity. */
export function workloadSecretName(identityName: string): string {
  return `signet.${identityName}`
}

/** The Secret with an owner's private keys, in the operator's namespace. */
export function keyRingSecretName(owner: RingOwner): string {
  return `signet-keys.${suffixOf(owner)}`
}

/** The ConfigMap with an owner's public keys, in the operator's namespace. */
export function publicKeysName(owner: RingOwner): string {
  return `signet-jwks.${suffixOf(owner)}`
}

/** The two never collide: the suffix of an identity contains a dot. */
function suffixOf(owner: RingOwner): string {
  return isAuthority(owner) ? 'authority' : `${owner.namespace}.${owner.name}`
}

/** The inverse of `publicKeysName`; undefined for any other name. Unambiguous, because a namespace contains no dot. */
export function ownerOfPublicKeys(configMapName: string): RingOwner | undefined {
  if (configMapName === publicKeysName(theAuthority)) return theAuthority
  const [, namespace, name] = /^signet-jwks\.([^.]+)\.(.+)$/.exec(configMapName) ?? []
  return namespace !== undefined && name !== undefined ? { namespace, name } : undefined
}

/** The inverse of `workloadSecretName`; undefined for any other name. */
export function identityNameOfSecret(secretName: string): string | undefined {
  return secretName.startsWith('signet.') ? secretName.slice('signet.'.length) : undefined
}
