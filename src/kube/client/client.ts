import type { KubeObject, ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'

/** Which connections carry a call; leases have one of their own so that load never costs the leadership. */
type PoolName = 'default' | 'lease'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Limit of the whole call including retries, in milliseconds; default 30 s. */
  readonly timeoutMs?: number | undefined
  readonly pool?: PoolName | undefined
}

export interface SubresourceOptions extends CallOptions {
  /** `status`, for example. */
  readonly subresource?: string | undefined
}

export interface Query {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Ask for PartialObjectMetadata: `metadata` alone. */
  readonly metadataOnly?: boolean | undefined
}

export interface ListOptions extends Query, CallOptions {
  /** Items a page; the answer's `continue` names the next one. */
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  /** `'0'` is served from the API server's cache; absent is the newest state. */
  readonly resourceVersion?: string | undefined
}

export interface KubeList<T> {
  items: T[]
  /** State of the whole list; where to watch from. */
  resourceVersion: string
  /** Present when there are more pages. */
  continue?: string
}

export interface WatchQuery extends Query {
  readonly resourceVersion?: string | undefined
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number
  /** A streaming list: all objects first, then a bookmark with `k8s.io/initial-events-end`. */
  readonly sendInitialEvents?: boolean | undefined
}

/** `object` is a Status for ERROR and carries only kind and metadata for BOOKMARK. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject
}

/** Server-side apply wants only the fields that are ours; `apiVersion` and `kind` are filled in. */
export type AppliedObject<T extends KubeObject> = KubeObject & Partial<Omit<T, keyof KubeObject>>

export interface ApplyOptions extends SubresourceOptions {
  readonly fieldManager: string
  /** Take fields over from other managers; default false, and a KubeError with `isConflict` then. */
  readonly force?: boolean | undefined
}

export interface PatchOptions extends SubresourceOptions {
  readonly type: 'merge' | 'json'
}

export interface DeleteOptions extends CallOptions {
  /** Preconditions: a KubeError with `isConflict` where the object is another one by now. */
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined
}

/**
 * The Kubernetes API as raw JSON. Every failure is a KubeError; an abort rejects with the signal's reason.
 * `get` gives undefined on 404 and `delete` takes 404 for success.
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<T | undefined>
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<KubeList<T>>
  create<T extends KubeObject>(resource: Resource, object: T, options?: CallOptions): Promise<T>
  /** PUT; a TypeError without `metadata.resourceVersion`, so that no write is ever blind. */
  replace<T extends KubeObject>(resource: Resource, object: T, options?: SubresourceOptions): Promise<T>
  /** Server-side apply. */
  apply<T extends KubeObject>(resource: Resource, object: T | AppliedObject<T>, options: ApplyOptions): Promise<T>
  patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: unknown, options: PatchOptions): Promise<T>
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /**
   * One watch: resolves when the server ends it cleanly, rejects where it cannot be opened or breaks. `onOpen` is
   * called once it is accepted. What `onEvent` throws breaks the stream too.
   */
  watch(
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void>
}
