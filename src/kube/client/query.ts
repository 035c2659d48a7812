import type { Query } from './client.ts'

type Parameter = string | number | boolean | undefined

/** The query string, such as `?labelSelector=…&limit=…`, or `''`. Omits undefined parameters. */
export function searchOf(query: Query, parameters: Readonly<Record<string, Parameter>>): string {
  const { labelSelector, fieldSelector } = query
  const search = new URLSearchParams()
  const all: Record<string, Parameter> = { labelSelector, fieldSelector, ...parameters }
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) search.set(name, String(value))
  }
  return search.size === 0 ? '' : `?${search.toString()}`
}

/** The Accept header for whole objects, or for their metadata only. `suffix` is `List` for a list. */
export function acceptOf(metadataOnly: boolean, suffix: '' | 'List'): string {
  return metadataOnly ? `application/json;as=PartialObjectMetadata${suffix};g=meta.k8s.io;v=v1` : 'application/json'
}
