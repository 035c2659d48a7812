import { KubeError } from './api-errors.ts'
import type { KubeClient, KubeList, Query } from './client.ts'
import type { KubeObject } from './object.ts'
import type { Resource } from './resource.ts'

const pageSize = 500
const timeoutMs = 60_000

/**
 * Lists every object of a resource. Tries, in this order:
 *
 * | list | fails over to the next if |
 * |---|---|
 * | from the API server's cache, no older than `known` (undefined: any age) | `known` is `''`, or that state is too old or too new |
 * | the newest state, by pages | the pages expire before the last one |
 * | the newest state, in one response | – |
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
