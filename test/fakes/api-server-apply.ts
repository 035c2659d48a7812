import type { KubeObject } from '../../src/kube/client/object.ts'

/** Lists that server-side apply merges item by item, and the field that tells items apart. */
const listKeys: Readonly<Record<string, string>> = {
  conditions: 'type',
  webhooks: 'name',
  ownerReferences: 'uid',
  containers: 'name',
}
type Tree = Record<string, unknown>
/** manager and subresource → paths of its leaves */
export type Owners = Map<string, Set<string>>

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)
const separator = '\u0000'
const itemKey = (field: string, item: unknown): string | undefined => {
  const key = listKeys[field]
  return key !== undefined && isTree(item) ? `[${String(item[key])}]` : undefined
}

/** Path → value of every leaf that somebody can own; identifying metadata belongs to nobody. */
export function leavesOf(object: unknown, path: readonly string[] = []): Map<string, unknown> {
  const leaves = new Map<string, unknown>()
  const walk = (value: unknown, at: readonly string[]): void => {
    const field = at.at(-1) ?? ''
    if (isTree(value)) {
      for (const [key, child] of Object.entries(value)) walk(child, [...at, key])
    } else if (Array.isArray(value) && value.every((item) => itemKey(field, item) !== undefined)) {
      for (const item of value) walk(item, [...at, itemKey(field, item) ?? ''])
    } else {
      leaves.set(at.join(separator), value)
    }
  }
  walk(object, path)
  for (const path of leaves.keys()) {
    if (
      /^(apiVersion|kind|metadata\0(name|namespace|uid|resourceVersion|generation|creationTimestamp|managedFields))(\0|$)/.test(
        path,
      )
    ) {
      leaves.delete(path)
    }
  }
  return leaves
}

/** Who else owns a leaf that an apply wants to have otherwise. */
export function conflictsOf(live: KubeObject, wanted: KubeObject, owners: Owners, manager: string): string[] {
  const now = leavesOf(live)
  return [...leavesOf(wanted)].flatMap(([path, value]) =>
    JSON.stringify(now.get(path)) === JSON.stringify(value)
      ? []
      : [...owners]
          .filter(([other, paths]) => other !== manager && paths.has(path))
          .map(([other]) => `${other}: ${path.replaceAll(separator, '.')}`),
  )
}

/** The live object with what is wanted in it and what this manager owned and no longer wants out of it. */
export function merged(live: KubeObject, wanted: KubeObject, owners: Owners, manager: string): KubeObject {
  const result = structuredClone(live)
  const next = leavesOf(wanted)
  for (const path of owners.get(manager) ?? []) {
    const shared = [...owners].some(([other, paths]) => other !== manager && paths.has(path))
    if (!next.has(path) && !shared) removeLeaf(result as unknown as Tree, path.split(separator))
  }
  mergeInto(result as unknown as Tree, wanted as unknown as Tree)
  return result
}

function mergeInto(target: Tree, source: Tree): void {
  for (const [field, value] of Object.entries(source)) {
    const there = target[field]
    if (isTree(value) && isTree(there)) mergeInto(there, value)
    else if (Array.isArray(value) && Array.isArray(there) && field in listKeys) {
      for (const item of value) {
        const same = (there as unknown[]).find((other) => itemKey(field, other) === itemKey(field, item))
        if (isTree(same) && isTree(item)) mergeInto(same, item)
        else there.push(structuredClone(item))
      }
    } else target[field] = structuredClone(value)
  }
}

function removeLeaf(tree: Tree, [field = '', ...rest]: readonly string[]): void {
  const child = tree[field]
  if (rest.length === 0) Reflect.deleteProperty(tree, field)
  else if (Array.isArray(child)) {
    const index = child.findIndex((item) => itemKey(field, item) === rest[0])
    const item: unknown = child[index]
    if (!isTree(item)) return
    removeLeaf(item, rest.slice(1))
    // The item itself goes with its key.
    if (!(listKeys[field] !== undefined && listKeys[field] in item)) child.splice(index, 1)
    if (child.length === 0) Reflect.deleteProperty(tree, field)
  } else if (isTree(child)) {
    removeLeaf(child, rest)
    if (Object.keys(child).length === 0) Reflect.deleteProperty(tree, field)
  }
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isTree(patch)) return patch
  const result: Tree = isTree(target) ? { ...target } : {}
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, field)
    else result[field] = mergePatch(result[field], value)
  }
  return result
}

/** RFC 6902: add, replace, remove and test; undefined where an operation cannot be done. */
export function jsonPatch(target: unknown, operations: readonly unknown[]): unknown {
  const result = { root: structuredClone(target) }
  for (const operation of operations) {
    const { op, path, value } = operation as { op: string; path: string; value?: unknown }
    const parts = [
      'root',
      ...path
        .split('/')
        .slice(1)
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~')),
    ]
    const last = parts.pop() ?? ''
    const parent = parts.reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], result)
    if (typeof parent !== 'object' || parent === null) return undefined
    const holder = parent as Tree
    if (op === 'test') {
      if (JSON.stringify(holder[last]) !== JSON.stringify(value)) return undefined
    } else if (op === 'remove' || op === 'replace') {
      if (!(last in holder)) return undefined
      if (op === 'replace') holder[last] = value
      else if (Array.isArray(parent)) parent.splice(Number(last), 1)
      else Reflect.deleteProperty(holder, last)
    } else if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value)
    else holder[last] = value
  }
  return result.root
}
