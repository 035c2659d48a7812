import { KubeError } from './api-errors.ts'
import { RequestSender, type RequestSenderOptions } from './request-sender.ts'
import type { Call } from './call.ts'
import type {
  AppliedObject,
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeClient,
  KubeList,
  ListOptions,
  PatchOptions,
  SubresourceOptions,
  WatchEvent,
  WatchQuery,
} from './client.ts'
import type { KubeConfiguration } from './kubeconfig.ts'
import { withDeadline } from '../../time/deadline.ts'
import { readLines } from './lines.ts'
import { type KubeObject, type ObjectRef, withGroupVersionKind } from './object.ts'
import { acceptOf, searchOf } from './query.ts'
import { pathOf, type Resource } from './resource.ts'
import { Transport, type TransportOptions, type TransportStats } from './transport.ts'
import { parseWatchEvent } from './watch-event.ts'

export interface KubeClientOptions extends TransportOptions, RequestSenderOptions {
  /** How long a watch may outlive its `timeoutSeconds` before it counts as dead, in milliseconds; default 15,000. */
  readonly watchGraceMs?: number | undefined
}

/** The resource of `document` calls in errors and metrics. */
const documents: Resource = { group: '', version: '', plural: 'documents', kind: '', namespaced: false }

const contentTypes = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const

/** A client of the Kubernetes API over pooled HTTP connections. */
export class HttpKubeClient implements KubeClient {
  readonly #transport: Transport
  readonly #sender: RequestSender
  readonly #watchGraceMs: number
  #watches = 0

  constructor(configuration: KubeConfiguration, options: KubeClientOptions = {}) {
    this.#transport = new Transport(configuration, options)
    this.#sender = new RequestSender(this.#transport, options)
    this.#watchGraceMs = options.watchGraceMs ?? 15_000
  }

  get stats(): TransportStats & { readonly watches: number } {
    return { ...this.#transport.stats, watches: this.#watches }
  }

  /** By how much the local clock is ahead of the API server's, in milliseconds; undefined before the first response. */
  clockOffset(): number | undefined {
    return this.#transport.clockOffset()
  }

  /** Closes every connection; calls in flight fail. */
  close(): Promise<void> {
    return this.#transport.close()
  }

  async get<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    const path = pathOf(resource, ref)
    const answer = this.#sender.send({ verb: 'get', resource, ref, method: 'GET', path, idempotent: true, options })
    return (await answer.catch(undefinedOnNotFound)) as T | undefined
  }

  /** Reads a document that is not an object, such as `/openid/v1/jwks`. The path is sent unchanged. */
  document(path: string, options: CallOptions & { readonly accept?: string } = {}): Promise<unknown> {
    const { accept } = options
    const subject = { verb: 'get', resource: documents, ref: { name: path } } as const
    return this.#sender.send({
      ...subject,
      method: 'GET',
      path,
      ...(accept === undefined ? {} : { accept }),
      idempotent: true,
      options,
    })
  }

  async list<T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, metadataOnly = false, limit, resourceVersion } = options
    const search = searchOf(options, { limit, continue: options.continue, resourceVersion })
    const answer = await this.#sender.send({
      verb: 'list',
      resource,
      ref: { namespace },
      method: 'GET',
      path: pathOf(resource, { namespace }) + search,
      accept: acceptOf(metadataOnly, 'List'),
      idempotent: true,
      options,
    })
    const { items, metadata } = answer as {
      items?: T[] | null
      metadata: { resourceVersion: string; continue?: string }
    }
    return {
      items: (items ?? []).map((item) => withGroupVersionKind(resource, item)),
      resourceVersion: metadata.resourceVersion,
      ...(metadata.continue ? { continue: metadata.continue } : {}),
    }
  }

  create<T extends KubeObject>(resource: Resource, object: T, options: CallOptions = {}): Promise<T> {
    const { namespace } = object.metadata
    const path = pathOf(resource, { namespace })
    return this.#write<T>({ verb: 'create', resource, method: 'POST', path, idempotent: false, options }, object)
  }

  replace<T extends KubeObject>(resource: Resource, object: T, options: SubresourceOptions = {}): Promise<T> {
    if (!object.metadata.resourceVersion) {
      return Promise.reject(new TypeError(`replace of ${resource.plural} needs metadata.resourceVersion`))
    }
    const path = pathOf(resource, object.metadata, options.subresource)
    return this.#write<T>({ verb: 'update', resource, method: 'PUT', path, idempotent: true, options }, object)
  }

  apply<T extends KubeObject>(resource: Resource, object: T | AppliedObject<T>, options: ApplyOptions): Promise<T> {
    const { fieldManager, force, subresource } = options
    const path = pathOf(resource, object.metadata, subresource) + searchOf({}, { fieldManager, force })
    const call = { verb: 'apply', resource, method: 'PATCH', path, contentType: contentTypes.apply } as const
    return this.#write<T>({ ...call, idempotent: true, options }, object)
  }

  patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: unknown, options: PatchOptions): Promise<T> {
    const { type, subresource } = options
    return this.#sender.send({
      verb: 'patch',
      resource,
      ref,
      method: 'PATCH',
      path: pathOf(resource, ref, subresource),
      contentType: contentTypes[type],
      body: patch,
      idempotent: type === 'merge',
      options,
    }) as Promise<T>
  }

  async delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy } = options
    const answer = this.#sender.send({
      verb: 'delete',
      resource,
      ref,
      method: 'DELETE',
      path: pathOf(resource, ref),
      // JSON omits undefined members.
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion }, propagationPolicy },
      idempotent: true,
      options,
    })
    await answer.catch(undefinedOnNotFound)
  }

  async watch(
    resource: Resource,
    query: WatchQuery,
    onEvent: (event: WatchEvent) => void,
    signal: AbortSignal,
    onOpen?: () => void,
  ): Promise<void> {
    const { namespace, timeoutSeconds, resourceVersion, sendInitialEvents, metadataOnly = false } = query
    const search = searchOf(query, {
      watch: true,
      allowWatchBookmarks: true,
      timeoutSeconds,
      resourceVersion,
      sendInitialEvents,
      resourceVersionMatch: sendInitialEvents === true ? 'NotOlderThan' : undefined,
    })
    const subject = { verb: 'watch', resource, ref: { namespace } } as const
    const path = pathOf(resource, { namespace }) + search
    await withDeadline(timeoutSeconds * 1000 + this.#watchGraceMs, signal, async (limited) => {
      let reason = 'Unreachable'
      try {
        const { body } = await this.#sender.open(
          { ...subject, method: 'GET', path, accept: acceptOf(metadataOnly, '') },
          limited,
        )
        this.#watches++
        reason = 'BrokenStream'
        try {
          onOpen?.()
          const whole = await readLines(body as AsyncIterable<Buffer>, (line) => {
            // After an abort the caller expects no more events.
            if (!limited.aborted) onEvent(parseWatchEvent(subject, line))
          })
          limited.throwIfAborted()
          if (!whole) throw new KubeError({ ...subject, status: 0, reason, detail: 'the last line was cut off' })
        } finally {
          this.#watches--
          body.destroy()
        }
      } catch (error) {
        throw this.#sender.translate(subject, error, limited, signal, reason)
      }
    })
  }

  #write<T>(call: Omit<Call, 'body' | 'ref'>, object: KubeObject): Promise<T> {
    const body = withGroupVersionKind(call.resource, object)
    return this.#sender.send({ ...call, ref: object.metadata, body }) as Promise<T>
  }
}

function undefinedOnNotFound(error: unknown): undefined {
  if (error instanceof KubeError && error.isNotFound) return undefined
  throw error
}
