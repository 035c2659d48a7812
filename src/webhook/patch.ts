import { LRUCache } from 'lru-cache'

/** A JSON Patch operation (RFC 6902). The webhook needs these two only. */
export interface PatchOperation {
  readonly op: 'add' | 'replace'
  readonly path: string
  readonly value: unknown
}

/** Escapes a member's name for a JSON pointer (RFC 6901 §3). */
export function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

/**
 * Applies operations to a document in place (RFC 6902 §4.1, §4.3); values are not copied. Throws a TypeError if an
 * operation does not apply, and then leaves the document half changed. The webhook tries every patch first, because the
 * API server rejects a pod whose patch does not apply, whatever the failure policy.
 */
export function applyPatch(document: unknown, operations: readonly PatchOperation[]): void {
  for (const { op, path, value } of operations) {
    const { holders, name } = placeOf(path)
    let parent = document
    for (const holder of holders) parent = memberAt(parent, holder, path)
    change(parent, op, path, name, value)
  }
}

/** The target of an operation: the names that lead to its list or object, and the name or index within. */
interface Place {
  readonly holders: readonly string[]
  readonly name: string
}

/** Parsed paths: the patches of most pods share a few. */
const places = new LRUCache<string, Place>({ max: 1024 })

function placeOf(path: string): Place {
  const known = places.get(path)
  if (known !== undefined) return known
  const [root, ...names] = path.split('/').map(unescape)
  const name = names.pop()
  if (root !== '' || name === undefined || names.includes('__proto__') || name === '__proto__') throw doesNotApply(path)
  const place = { holders: names, name }
  places.set(path, place)
  return place
}

function change(parent: unknown, op: PatchOperation['op'], path: string, name: string, value: unknown): void {
  if (Array.isArray(parent)) {
    if (op === 'replace') parent[indexOf(name, parent.length, path)] = value
    else if (name === '-') parent.push(value)
    else parent.splice(indexOf(name, parent.length + 1, path), 0, value)
    return
  }
  if (typeof parent !== 'object' || parent === null) throw doesNotApply(path)
  if (op === 'replace' && !Object.hasOwn(parent, name)) throw doesNotApply(path)
  ;(parent as Record<string, unknown>)[name] = value
}

function memberAt(node: unknown, name: string, path: string): unknown {
  if (Array.isArray(node)) return node[indexOf(name, node.length, path)]
  if (typeof node === 'object' && node !== null && Object.hasOwn(node, name)) {
    return (node as Record<string, unknown>)[name]
  }
  throw doesNotApply(path)
}

/** RFC 6901 §4: digits without leading zero. */
function indexOf(name: string, end: number, path: string): number {
  const index = /^(0|[1-9][0-9]{0,6})$/.test(name) ? Number(name) : end
  if (index >= end) throw doesNotApply(path)
  return index
}

function unescape(name: string): string {
  return name.replaceAll('~1', '/').replaceAll('~0', '~')
}

function doesNotApply(path: string): TypeError {
  return new TypeError(`patch does not apply at ${path}`)
}
