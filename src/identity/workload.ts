import { isAuthority, type RingOwner, theAuthority } from './key-owner.ts'

/** Fixed names by which a workload finds its identity, and a pod requests it. */
export const injectLabel = 'signet.dev/inject'
export const injectedAnnotation = 'signet.dev/injected'
export const skipContainersAnnotation = 'signet.dev/skip-containers'
export const nudgeAnnotation = 'signet.dev/nudge'
export const rotateKeyAnnotation = 'signet.dev/rotate-key'
/** Only on the authority's public ConfigMap; the keys of an identity are revoked by a TokenRevocation. */
export const revokeKeyAnnotation = 'signet.dev/revoke-key'
export const volumeName = 'signet'
export const mountPath = '/var/run/secrets/signet.dev'

/** Secret types of the workload Secret and of the key ring Secret. */
export const identitySecretType = 'signet.dev/identity'
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
