import { KubeError } from '../../src/kube/client/api-errors.ts'
import type { KubeClient, KubeList, ListOptions, WatchEvent } from '../../src/kube/client/client.ts'
import { type KubeObject, type ObjectRef, withGroupVersionKind } from '../../src/kube/client/object.ts'
import { acceptOf, searchOf } from '../../src/kube/client/query.ts'
import { pathOf, type Resource } from '../../src/kube/client/resource.ts'
import { answer, type FakeRequest, parsePath } from './api-server-answer.ts'
import { Refusal, Storage } from './api-server-storage.ts'
import { serveWatch } from './api-server-watch.ts'

export interface MemoryKubeClient extends KubeClient {
  readonly storage: Storage
  /** `create secrets shop/orders`, oldest first; reads are not noted. */
  readonly writes: string[]
  /** Thrown instead of the next call of this method about this resource. */
  failOnce(method: string, resource: Resource, error: { status: number; reason: string }): void
}

type Page = Omit<KubeList<KubeObject>, 'items'>

interface Ask {
  readonly resource: Resource
  readonly ref?: Partial<ObjectRef>
  readonly search?: string
  readonly subresource?: string | undefined
  readonly accept?: string
  readonly contentType?: string
  readonly body?: unknown
}

const http: Readonly<Record<string, string>> = {
  create: 'POST',
  replace: 'PUT',
  apply: 'PATCH',
  patch: 'PATCH',
  delete: 'DELETE',
}

/** The fake API server without the wire: the same answers behind the same interface, for tests of reconcilers. */
export function createMemoryKubeClient(storage = new Storage()): MemoryKubeClient {
  const writes: string[] = []
  const faults: { method: string; resource: Resource; error: { status: number; reason: string } }[] = []

  const requestOf = (method: string, ask: Ask): FakeRequest => {
    const { resource, ref = {}, search = '', accept = 'application/json', contentType = 'application/json' } = ask
    const { namespace, name } = ref
    const path = pathOf(resource, method === 'create' ? { namespace } : { namespace, name }, ask.subresource) + search
    const headers = { accept, 'content-type': contentType, 'user-agent': 'signet' }
    return parsePath(http[method] ?? 'GET', path, headers, ask.body === undefined ? '' : JSON.stringify(ask.body))
  }
  const run = async <T>(method: string, ask: Ask, missing?: T): Promise<T> => {
    await Promise.resolve()
    const { resource, ref = {} } = ask
    const about = { verb: method, resource, ref }
    if (method in http)
      writes.push(`${method} ${resource.plural} ${[ref.namespace, ref.name].filter(Boolean).join('/')}`)
    const fault = faults.find((one) => one.method === method && one.resource.plural === resource.plural)
    if (fault !== undefined) {
      faults.splice(faults.indexOf(fault), 1)
      throw new KubeError({ ...about, ...fault.error, detail: 'as the test wants it' })
    }
    try {
      return structuredClone(answer(storage, requestOf(method, ask))) as T
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.status === 404 && ['get', 'delete'].includes(method)) return missing as T
      const causes = error.causes.map(({ reason }) => reason)
      throw new KubeError({ ...about, status: error.status, reason: error.reason, detail: error.message, causes })
    }
  }
  const write = <T extends KubeObject>(method: string, ask: Omit<Ask, 'ref'>, object: KubeObject) =>
    run<T>(method, { ...ask, ref: object.metadata, body: withGroupVersionKind(ask.resource, object) })

  return {
    storage,
    writes,
    failOnce: (method, resource, error) => void faults.push({ method, resource, error }),
    get: (resource, ref) => run('get', { resource, ref }),
    list: async <T extends KubeObject>(resource: Resource, options: ListOptions = {}): Promise<KubeList<T>> => {
      const { namespace, limit, resourceVersion, metadataOnly = false } = options
      const search = searchOf(options, { limit, continue: options.continue, resourceVersion })
      const ask = { resource, ref: { namespace }, search, accept: acceptOf(metadataOnly, 'List') } as Ask
      const { items, metadata } = await run<{ items: T[]; metadata: Page }>('list', ask)
      return { items: items.map((item) => withGroupVersionKind(resource, item)), ...metadata }
    },
    create: (resource, object) => write('create', { resource }, object),
    replace: async (resource, object, { subresource } = {}) => {
      if (!object.metadata.resourceVersion) throw new TypeError('replace needs metadata.resourceVersion')
      return write('replace', { resource, subresource }, object)
    },
    apply: (resource, object, { fieldManager, force, subresource }) => {
      const search = searchOf({}, { fieldManager, force })
      return write('apply', { resource, subresource, search, contentType: 'application/apply-patch+yaml' }, object)
    },
    patch: (resource, ref, patch, { type, subresource }) =>
      run('patch', { resource, ref, subresource, contentType: `application/${type}-patch+json`, body: patch }),
    delete: (resource, ref, { uid, resourceVersion } = {}) =>
      run('delete', { resource, ref, body: { preconditions: { uid, resourceVersion } } }),
    watch: (resource, query, onEvent, signal, onOpen) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted()
        onOpen?.()
        const ref = query.namespace === undefined ? {} : { namespace: query.namespace }
        const request = requestOf('watch', {
          resource,
          ref,
          search: searchOf(query, {}),
          accept: acceptOf(query.metadataOnly ?? false, ''),
        })
        const broken = new AbortController()
        const stop = serveWatch(storage, {
          ...request,
          ...request.selection,
          resourceVersion: query.resourceVersion,
          sendInitialEvents: query.sendInitialEvents === true,
          bookmarks: true,
          bookmarkMs: 60_000,
          timeoutMs: query.timeoutSeconds * 1000,
          send: (event) => {
            if (broken.signal.aborted || signal.aborted) return
            try {
              onEvent(structuredClone(event) as WatchEvent)
            } catch (error: unknown) {
              broken.abort()
              reject(error instanceof Error ? error : new TypeError(String(error)))
            }
          },
          end: resolve,
        })
        signal.addEventListener('abort', () => {
          stop()
          reject(signal.reason as Error)
        })
        if (signal.aborted || broken.signal.aborted) stop()
      }),
  }
}
