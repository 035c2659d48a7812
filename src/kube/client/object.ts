import type { ObjectMeta } from '../../api/v1alpha1/metadata.ts'
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

/** The fields of `metadata` that Signet uses. Other fields are preserved. */
interface KubeObjectMeta extends ObjectMeta {
  ownerReferences?: OwnerReference[]
  generateName?: string
  managedFields?: unknown
}

/**
 * An object as raw JSON, exactly as the API server sent it, so that unknown fields survive a read and a replace. The
 * client fills in `apiVersion` and `kind`, which lists omit.
 */
export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: KubeObjectMeta
}

/** Names an object of a resource. */
export interface ObjectRef {
  readonly namespace?: string | undefined
  readonly name: string
}

/** The key of an object in stores and queues: `shop/orders`, or `orders` for a cluster-scoped object. */
export function keyOf({ namespace, name }: ObjectRef): string {
  return namespace ? `${namespace}/${name}` : name
}

/** The object with `apiVersion` and `kind` filled in. */
export function withGroupVersionKind<T extends KubeObject>(resource: Resource, object: T): T {
  if (object.apiVersion !== undefined && object.kind !== undefined) return object
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object }
}

/**
 * Whether resource version `a` is later than `b`. Resource versions compare as integers of any length, which Kubernetes
 * guarantees for built-in and custom resources (KEP-5504).
 */
export function isLater(a = '', b = ''): boolean {
  return a.length === b.length ? a > b : a.length > b.length
}
