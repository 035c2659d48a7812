import type { ObjectMeta as NamedMeta } from '../../api/v1alpha1/metadata.ts'
import type { Resource } from './resource.ts'
import { apiVersionOf } from './resource.ts'

interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** The parts of `metadata` that Signet touches; whatever else the API server sent is kept as it came. */
interface ObjectMeta extends NamedMeta {
  ownerReferences?: OwnerReference[]
  generateName?: string
  managedFields?: unknown
}

/**
 * An object as raw JSON, exactly as the API server sent it, so that a field we do not know survives read and replace.
 * The client fills in `apiVersion` and `kind` where a list leaves them out.
 */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** What names one object of a resource. */
export interface ObjectRef {
  readonly namespace?: string | undefined
  readonly name: string
}

/** `shop/orders`, or `orders` for a cluster-scoped object: the key of stores and queues. */
export function keyOf({ namespace, name }: ObjectRef): string {
  return namespace ? `${namespace}/${name}` : name
}

/** The object with `apiVersion` and `kind` filled in. */
export function withGroupVersionKind<T extends KubeObject>(resource: Resource, object: T): T {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object }
}

/**
 * Whether resource version `a` is later than `b`. They compare as whole numbers of any length, as Kubernetes promises
 * for its own and for custom resources (KEP-5504).
 */
export function isLater(a = '', b = ''): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
