import { KubeError } from './api-errors.ts'
import type { KubeClient, KubeList, Query } from './client.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'

const pageSize = 500
const timeoutMs = 60_000

/**
 * A whole list. First one that the API server can answer from its cache, no older than `known` (absent: any age). Where
 * it no longer or not yet has that state, or `known` is empty, the newest by pages; where those expire on the way, the
 * newest at once.
 */
export async function listAll<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  query: Query & { readonly signal: AbortSignal },
  known: string | undefined,
): Promise<KubeList<T>> {
  try {
    if (known !== '') return await client.list<T>(resource, { ...query, timeoutMs, resourceVersion: known ?? '0' })
  } catch (error) {
    if (!(error instanceof KubeError && (error.isGone || error.isTooLargeResourceVersion))) throw error
  }
  try {
    return await listPages<T>(client, resource, query)
  } catch (error) {
    if (!(error instanceof KubeError && error.isGone)) throw error
  }
  return client.list<T>(resource, { ...query, timeoutMs })
}

async function listPages<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  query: Query & { readonly signal: AbortSignal },
): Promise<KubeList<T>> {
  const items: T[] = []
  let next: string | undefined
  for (;;) {
    const page = await client.list<T>(resource, { ...query, timeoutMs, limit: pageSize, continue: next })
    for (const item of page.items) items.push(item)
    if (page.continue === undefined) return { items, resourceVersion: page.resourceVersion }
    next = page.continue
  }
}
