import { isAuthority, type RingOwner, theAuthority } from './key-owner.ts'

/** Names that never vary: where a workload finds its identity, and how pods ask for it. */
export const injectLabel = 'signet.dev/inject'
export const injectedAnnotation = 'signet.dev/injected'
export const skipContainersAnnotation = 'signet.dev/skip-containers'
export const nudgeAnnotation = 'signet.dev/nudge'
export const rotateKeyAnnotation = 'signet.dev/rotate-key'
/** On the authority's public ConfigMap only: an identity's keys are revoked by a TokenRevocation. */
export const revokeKeyAnnotation = 'signet.dev/revoke-key'
export const volumeName = 'signet'
export const mountPath = '/var/run/secrets/signet.dev'

/** Secret types; the first is a workload's own Secret, the second a private key ring. */
export const identitySecretType = 'signet.dev/identity'
export const keyRingSecretType = 'signet.dev/key-ring'

/** Longest name of a ServiceIdentity, so that the ring's name `signet-keys.<ns ≤ 63>.<name>` fits 253. */
export const maxIdentityNameLength = 177

/** Files of the mounted volume; each token is also there as `<token name>.jwt`. */
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

/** The Secret with the private keys of an identity, or of the authority, in the operator's namespace. */
export function keyRingSecretName(owner: RingOwner): string {
  return `signet-keys.${suffixOf(owner)}`
}

/** The ConfigMap with the public keys of an identity, or of the authority, in the operator's namespace. */
export function publicKeysName(owner: RingOwner): string {
  return `signet-jwks.${suffixOf(owner)}`
}

/** No identity's has this form: a namespace and a name have a dot between them. */
function suffixOf(owner: RingOwner): string {
  return isAuthority(owner) ? 'authority' : `${owner.namespace}.${owner.name}`
}

/** The inverse of `publicKeysName`; undefined for any other ConfigMap. A namespace has no dot, a name may have some. */
export function ownerOfPublicKeys(configMapName: string): RingOwner | undefined {
  if (configMapName === publicKeysName(theAuthority)) return theAuthority
  const [, namespace, name] = /^signet-jwks\.([^.]+)\.(.+)$/.exec(configMapName) ?? []
  return namespace !== undefined && name !== undefined ? { namespace, name } : undefined
}

/** The inverse of `workloadSecretName`; undefined for any other Secret. */
export function identityNameOfSecret(secretName: string): string | undefined {
  return secretName.startsWith('signet.') ? secretName.slice('signet.'.length) : undefined
}
