import { identityUidAnnotation, nameAnnotation, namespaceAnnotation } from '../../api/v1alpha1/metadata.ts'
import { isAuthority, type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { keyRingSecretName, publicKeysName } from '../../identity/workload.ts'
import type { KubeObject } from '../client/object.ts'

/** What a key ring or a public ConfigMap says of whose it is. The authority's are known by their names. */
export function ownerAnnotations(owner: RingOwner, uid: string): Record<string, string> {
  if (isAuthority(owner)) return { [identityUidAnnotation]: uid }
  return { [namespaceAnnotation]: owner.namespace, [nameAnnotation]: owner.name, [identityUidAnnotation]: uid }
}

/** Whose an object of the operator's namespace is; undefined where it does not say. */
export function annotatedOwner(object: KubeObject): RingOwner | undefined {
  return authoritysOwn.has(object.metadata.name) ? theAuthority : annotatedIdentity(object)
}

const authoritysOwn: ReadonlySet<string> = new Set([keyRingSecretName(theAuthority), publicKeysName(theAuthority)])

/** The identity that an object of the operator's namespace says it belongs to; undefined where it does not say. */
export function annotatedIdentity({ metadata }: KubeObject): IdentityName | undefined {
  const namespace = metadata.annotations?.[namespaceAnnotation]
  const name = metadata.annotations?.[nameAnnotation]
  return namespace && name ? { namespace, name } : undefined
}

/** The uid of whom an object of the operator's namespace belongs to. */
export function annotatedUid({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[identityUidAnnotation]
}
