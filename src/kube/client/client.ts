import type { KubeObject, ObjectRef } from './object.ts'
import type { Resource } from './resource.ts'

/** The connection pool of a call. Leases have their own, so that load never costs the leadership. */
type PoolName = 'default' | 'lease'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Limit of the whole call, retries included, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined
  readonly pool?: PoolName | undefined
}

export interface SubresourceOptions extends CallOptions {
  /** Such as `status`. */
  readonly subresource?: string | undefined
}

export interface Query {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Request `metadata` only (PartialObjectMetadata). */
  readonly metadataOnly?: boolean | undefined
}

export interface ListOptions extends Query, CallOptions {
  /** Items per page. The response's `continue` names the next page. */
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  /** `'0'` is served from the API server's cache. Absent: the newest state. */
  readonly resourceVersion?: string | undefined
}

export interface KubeList<T> {
  items: T[]
  /** The resource version of the whole list, from which to watch. */
  resourceVersion: string
  /** Present if there are more pages. */
  continue?: string
}

export interface WatchQuery extends Query {
  readonly resourceVersion?: string | undefined
  /** The API server ends the watch after this many seconds. */
  readonly timeoutSeconds: number
  /** Streaming list: every object first, then a bookmark annotated with `k8s.io/initial-events-end`. */
  readonly sendInitialEvents?: boolean | undefined
}

/** An event of a watch. `object` is a Status for ERROR, and has only kind and metadata for BOOKMARK. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: KubeObject
}

/** The fields to own by server-side apply. The client fills in `apiVersion` and `kind`. */
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
  /** Preconditions. Without a match the call rejects with a KubeError whose `isConflict` is true. */
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined
}

/**
 * A client of the Kubernetes API that takes and returns raw JSON. Every failure rejects with a KubeError, an abort with
 * the signal's reason. `get` resolves with undefined on 404; `delete` succeeds on 404.
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<T | undefined>
  list<T extends KubeObject>(resource: Resource, options?: ListOptions): Promise<KubeList<T>>
  create<T extends KubeObject>(resource: Resource, object: T, options?: CallOptions): Promise<T>
  /** PUT. Rejects with a TypeError without `metadata.resourceVersion`, so that no write is unconditional. */
  replace<T extends KubeObject>(resource: Resource, object: T, options?: SubresourceOptions): Promise<T>
  /** Server-side apply. */
  apply<T extends KubeObject>(resource: Resource, object: T | AppliedObject<T>, options: ApplyOptions): Promise<T>
  patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: unknown, options: PatchOptions): Promise<T>
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<void>
  /**
   * Runs one watch. Resolves when the API server ends it cleanly; rejects if it cannot be opened, if it breaks, or if
   * `onEvent` throws. `onOpen` is called once the API server has accepted the watch.
   */
  watch(
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void>
}
