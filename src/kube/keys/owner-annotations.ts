import { identityUidAnnotation, nameAnnotation, namespaceAnnotation } from '../../api/v1alpha1/metadata.ts'
import { isAuthority, type RingOwner, theAuthority } from '../../identity/key-owner.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { keyRingSecretName, publicKeysName } from '../../identity/workload.ts'
import type { KubeObject } from '../client/object.ts'

/**
 * The annotations that name the owner of a key ring or public ConfigMap. Those of the issuing keys are known by name.
 */
export function ownerAnnotations(owner: RingOwner, uid: string): Record<string, string> {
  if (isAuthority(owner)) return { [identityUidAnnotation]: uid }
  return { [namespaceAnnotation]: owner.namespace, [nameAnnotation]: owner.name, [identityUidAnnotation]: uid }
}

/** The owner of an object of the operator's namespace; undefined if the annotations name none. */
export function annotatedOwner(object: KubeObject): RingOwner | undefined {
  return issuingKeyObjects.has(object.metadata.name) ? theAuthority : annotatedIdentity(object)
}

const issuingKeyObjects: ReadonlySet<string> = new Set([keyRingSecretName(theAuthority), publicKeysName(theAuthority)])

/** The identity that the annotations of an object name; undefined if they name none. */
export function annotatedIdentity({ metadata }: KubeObject): IdentityName | undefined {
  const namespace = metadata.annotations?.[namespaceAnnotation]
  const name = metadata.annotations?.[nameAnnotation]
  return namespace && name ? { namespace, name } : undefined
}

/** The uid of the owner of an object of the operator's namespace. */
export function annotatedUid({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[identityUidAnnotation]
}
