import type { IncomingHttpHeaders } from 'node:http'
import { apiVersionOf, type Resource, resources } from '../../src/kube/client/resource.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { Refusal, type Selection, type Storage } from './api-server-storage.ts'

/** A request as the API server's handlers see it. */
export interface FakeRequest {
  readonly verb: string
  readonly method: string
  readonly path: string
  readonly query: Readonly<Partial<Record<string, string>>>
  readonly headers: IncomingHttpHeaders
  readonly token: string | undefined
  readonly text: string
  readonly resource: Resource
  readonly collection: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string | undefined
  readonly selection: Selection
  readonly render: (object: KubeObject) => KubeObject
  /** What was answered; 0 until then. */
  status: number
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

export function parsePath(method: string, target: string, headers: IncomingHttpHeaders, text: string): FakeRequest {
  const url = new URL(target, 'https://localhost')
  const query: Partial<Record<string, string>> = Object.fromEntries(url.searchParams)
  const [, root, ...parts] = url.pathname.split('/').map(decodeURIComponent)
  const group = root === 'apis' ? (parts.shift() ?? '') : ''
  const version = parts.shift() ?? ''
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined
  const [collection = '', name, subresource] = parts
  const known = Object.values<Resource>(resources).find((one) => one.group === group && one.plural === collection)
  const resource = known ?? { group, version, plural: collection, kind: 'Unknown', namespaced: namespace !== undefined }
  const reading = query['watch'] === 'true' ? 'watch' : name === undefined ? 'list' : 'get'
  const metadataOnly = headers.accept?.includes('as=PartialObjectMetadata') ?? false
  return {
    verb: verbs[method] ?? reading,
    method,
    path: url.pathname,
    query,
    headers,
    token: /^Bearer (.*)$/.exec(headers.authorization ?? '')?.[1],
    text,
    resource,
    collection,
    namespace,
    name,
    subresource,
    selection: { namespace, labelSelector: query['labelSelector'], fieldSelector: query['fieldSelector'] },
    render: (object) =>
      metadataOnly
        ? { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata }
        : { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
    status: 0,
  }
}

/** The body of a 200 answer; throws a Refusal for every other. */
export function answer(storage: Storage, request: FakeRequest): unknown {
  const { method, collection, namespace, name, subresource, query, headers, render } = request
  const manager = query['fieldManager'] ?? (headers['user-agent'] ?? 'unknown').split('/')[0] ?? ''
  if (method === 'GET')
    return name === undefined ? list(storage, request) : render(storage.get(collection, { namespace, name }))
  const body = parse(request.text)
  if (method === 'DELETE' && name !== undefined) {
    storage.delete(collection, { namespace, name }, (body as { preconditions?: object } | undefined)?.preconditions)
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }
  }
  const given = body as KubeObject
  if (method === 'POST') return render(storage.create(collection, placed(given, namespace), manager))
  if (name === undefined) throw new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method')
  if (method === 'PUT') return render(storage.replace(collection, placed(given, namespace), manager, subresource))
  const type = (headers['content-type'] ?? '').split(';')[0]
  if (type === 'application/apply-patch+yaml') {
    if (query['fieldManager'] === undefined)
      throw new Refusal(400, 'BadRequest', 'fieldManager is required for apply patch')
    return render(storage.apply(collection, placed(given, namespace), manager, query['force'] === 'true', subresource))
  }
  if (type !== 'application/merge-patch+json' && type !== 'application/json-patch+json') {
    throw new Refusal(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml`,
    )
  }
  const kind = type === 'application/merge-patch+json' ? 'merge' : 'json'
  return render(storage.patch(collection, { namespace, name }, body, kind, manager, subresource))
}

function list(storage: Storage, { collection, selection, query, resource, render, headers }: FakeRequest): unknown {
  const { resourceVersion, limit } = query
  if (Number(resourceVersion ?? 0) > storage.version) {
    throw new Refusal(504, 'Timeout', `Too large resource version: ${resourceVersion}, current: ${storage.version}`, [
      { reason: 'ResourceVersionTooLarge' },
    ])
  }
  const from =
    query['continue'] === undefined ? undefined : (parse(atob(query['continue'])) as { version: number; index: number })
  if (from !== undefined && from.version < storage.compacted) {
    throw new Refusal(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result')
  }
  const all = storage.list(collection, selection)
  const [start, version] = [from?.index ?? 0, from?.version ?? storage.version]
  const end = limit === undefined || resourceVersion === '0' ? all.length : start + Number(limit)
  const metadata = {
    resourceVersion: String(version),
    ...(end < all.length ? { continue: btoa(JSON.stringify({ version, index: end })) } : {}),
  }
  const partial = headers.accept?.includes('as=PartialObjectMetadataList') ?? false
  const items = all.slice(start, end).map((object) => (partial ? render(object) : object))
  return { apiVersion: apiVersionOf(resource), kind: `${resource.kind}List`, metadata, items }
}

/** An object belongs where the path says. */
function placed(object: KubeObject, namespace: string | undefined): KubeObject {
  if (namespace === undefined) return object
  const own = object.metadata.namespace
  if (own !== undefined && own !== namespace) {
    throw new Refusal(
      400,
      'BadRequest',
      'the namespace of the provided object does not match the namespace sent on the request',
    )
  }
  return { ...object, metadata: { ...object.metadata, namespace } }
}

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    throw new Refusal(400, 'BadRequest', 'couldn\u2019t read the body')
  }
}
