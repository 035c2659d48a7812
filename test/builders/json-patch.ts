/** RFC 6902 as the API server applies it: the whole patch or nothing, on a copy; throws where an operation fails. */
export function patched<T>(document: T, patch: readonly { op: string; path: string; value?: unknown }[]): T {
  let result: unknown = structuredClone(document)
  for (const { op, path, value } of patch) result = applied(result, op, path, structuredClone(value))
  return result as T
}

function applied(document: unknown, op: string, path: string, value: unknown): unknown {
  const names = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = names.pop()
  if (last === undefined) throw new Error('the whole document would be replaced')
  let parent = document
  for (const name of names) parent = child(parent, name, path)
  if (Array.isArray(parent)) {
    const index = op === 'add' && last === '-' ? parent.length : positionIn(parent, last, op === 'add', path)
    if (op === 'add') parent.splice(index, 0, value)
    else if (op === 'replace') parent[index] = value
    else throw new Error(`operation ${op} is none that Signet uses`)
    return document
  }
  if (typeof parent !== 'object' || parent === null) throw new Error(`no place for ${path}`)
  if (op === 'replace' ? !Object.hasOwn(parent, last) : op !== 'add') throw new Error(`${op} does not apply at ${path}`)
  Object.defineProperty(parent, last, { value, enumerable: true, writable: true, configurable: true })
  return document
}

function child(parent: unknown, name: string, path: string): unknown {
  if (Array.isArray(parent)) return parent[positionIn(parent, name, false, path)]
  if (typeof parent === 'object' && parent !== null && Object.hasOwn(parent, name)) {
    return Object.getOwnPropertyDescriptor(parent, name)?.value
  }
  throw new Error(`nothing at ${path}`)
}

function positionIn(list: readonly unknown[], name: string, adding: boolean, path: string): number {
  const index = Number(name)
  if (!/^\d+$/.test(name) || index > list.length || (index === list.length && !adding)) throw new Error(`no ${path}`)
  return index
}
