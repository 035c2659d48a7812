import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { formatTime } from '../../src/time/clock.ts'
import { type KubeObject, keyOf, type ObjectRef } from '../../src/kube/client/object.ts'
import { conflictsOf, jsonPatch, leavesOf, merged, mergePatch, type Owners } from './api-server-apply.ts'
import { matchesFields, matchesLabels } from './api-server-selectors.ts'

/** A refusal, as an API server words it in a Status. */
export class Refusal extends Error {
  readonly status: number
  readonly reason: string
  readonly causes: readonly { reason: string }[]

  constructor(status: number, reason: string, message: string, causes: readonly { reason: string }[] = []) {
    super(message)
    this.status = status
    this.reason = reason
    this.causes = causes
  }

  get body() {
    const { status: code, reason, message, causes } = this
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      code,
      details: { causes },
    }
  }
}

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly collection: string
  readonly version: number
  readonly object: KubeObject
  readonly previous?: KubeObject
}

export interface Selection {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

interface Stored {
  object: KubeObject
  readonly owners: Owners
}

/** Collections whose status is written through the subresource alone. */
const withStatus = new Set(['serviceidentities', 'pods'])
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

/** Objects, their versions and their history: what etcd and the registry are to an API server. */
export class Storage {
  readonly #collections = new Map<string, Map<string, Stored>>()
  readonly #listeners = new Set<(change: Change) => void>()
  history: Change[] = []
  version = 100
  /** Watches from before this version are refused with 410. */
  compacted = 0

  list(collection: string, selection: Selection = {}): KubeObject[] {
    return [...this.#collection(collection).values()]
      .map(({ object }) => object)
      .filter((object) => selects(selection, object))
      .sort((a, b) => (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1))
  }

  get(collection: string, ref: ObjectRef): KubeObject {
    return this.#stored(collection, ref).object
  }

  create(collection: string, given: KubeObject, manager: string): KubeObject {
    const { resourceVersion, generateName } = given.metadata
    if (resourceVersion)
      throw new Refusal(500, 'InternalError', 'resourceVersion should not be set on objects to be created')
    const name = given.metadata.name || `${generateName ?? ''}${randomUUID().slice(0, 5)}`
    if (name === '')
      throw new Refusal(422, 'Invalid', 'metadata.name: Required value: name or generateName is required')
    const key = keyOf({ ...given.metadata, name })
    if (this.#collection(collection).has(key)) {
      throw new Refusal(409, 'AlreadyExists', `${collection} "${name}" already exists`)
    }
    const object = structuredClone(given)
    Object.assign(object.metadata, {
      name,
      uid: randomUUID(),
      creationTimestamp: formatTime(Date.now()),
      generation: 1,
    })
    if (withStatus.has(collection)) delete (object as { status?: unknown }).status
    return this.#store(collection, { object, owners: new Map() }, object, manager)
  }

  replace(collection: string, given: KubeObject, manager: string, subresource = ''): KubeObject {
    const stored = this.#stored(collection, given.metadata)
    const { metadata } = stored.object
    const { resourceVersion, uid, name } = given.metadata
    if ((resourceVersion && resourceVersion !== metadata.resourceVersion) || (uid && uid !== metadata.uid)) {
      const text = `Operation cannot be fulfilled on ${collection} "${name}": the object has been modified; please apply your changes to the latest version and try again`
      throw new Refusal(409, 'Conflict', text)
    }
    return this.#store(
      collection,
      stored,
      this.#scoped(collection, stored.object, given, subresource),
      manager + subresource,
    )
  }

  apply(collection: string, wanted: KubeObject, manager: string, force: boolean, subresource = ''): KubeObject {
    const owner = manager + subresource
    const stored = this.#collection(collection).get(keyOf(wanted.metadata))
    if (stored === undefined && subresource !== '') throw notFound(collection, wanted.metadata)
    if (stored === undefined) return this.create(collection, wanted, owner)
    const conflicts = conflictsOf(stored.object, wanted, stored.owners, owner)
    if (conflicts.length > 0 && !force) {
      const text = `Apply failed with ${conflicts.length} conflict: conflict with ${conflicts.join('; ')}`
      throw new Refusal(409, 'Conflict', text, [{ reason: 'FieldManagerConflict' }])
    }
    const next = this.#scoped(
      collection,
      stored.object,
      merged(stored.object, wanted, stored.owners, owner),
      subresource,
    )
    const leaves = leavesOf(wanted)
    for (const [other, paths] of stored.owners) {
      if (other !== owner)
        for (const conflict of leaves.keys())
          if (conflicts.some((text) => text === `${other}: ${conflict.replaceAll('\u0000', '.')}`))
            paths.delete(conflict)
    }
    stored.owners.set(owner, new Set(leaves.keys()))
    return this.#store(collection, stored, next, undefined)
  }

  patch(
    collection: string,
    ref: ObjectRef,
    patch: unknown,
    type: 'merge' | 'json',
    manager: string,
    subresource = '',
  ): KubeObject {
    const { object } = this.#stored(collection, ref)
    if (type === 'json' && !Array.isArray(patch)) {
      throw new Refusal(400, 'BadRequest', 'json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp')
    }
    const patched = type === 'merge' ? mergePatch(object, patch) : jsonPatch(object, patch as unknown[])
    if (patched === undefined)
      throw new Refusal(422, 'Invalid', 'the server rejected our request due to an error in our request')
    return this.replace(collection, patched as KubeObject, manager, subresource)
  }

  delete(collection: string, ref: ObjectRef, preconditions: { uid?: string; resourceVersion?: string } = {}): void {
    const { object } = this.#stored(collection, ref)
    const { uid, resourceVersion } = preconditions
    const { metadata } = object
    if ((uid && uid !== metadata.uid) || (resourceVersion && resourceVersion !== metadata.resourceVersion)) {
      throw new Refusal(
        409,
        'Conflict',
        `Precondition failed: UID in precondition: ${uid ?? ''}, UID in object meta: ${metadata.uid ?? ''}`,
      )
    }
    this.#collection(collection).delete(keyOf(ref))
    const gone = structuredClone(object)
    this.#tell({ type: 'DELETED', collection, object: gone, previous: object })
  }

  onChange(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Forgets history, as etcd does after a while. */
  compact(): void {
    this.compacted = this.version
    this.history = []
  }

  #collection(name: string): Map<string, Stored> {
    const known = this.#collections.get(name) ?? new Map<string, Stored>()
    this.#collections.set(name, known)
    return known
  }

  #stored(collection: string, ref: ObjectRef): Stored {
    const stored = this.#collection(collection).get(keyOf(ref))
    if (stored === undefined) throw notFound(collection, ref)
    return stored
  }

  /** What a write may change: all but the status, or through the subresource the status alone (and a pod's annotations). */
  #scoped(collection: string, live: KubeObject, wanted: KubeObject, subresource: string): KubeObject {
    if (!withStatus.has(collection)) return wanted
    const [from, base] = subresource === 'status' ? [wanted, live] : [live, wanted]
    const next = { ...base, status: (from as { status?: unknown }).status }
    if (next.status === undefined) delete next.status
    if (subresource !== 'status' || collection !== 'pods') return next
    const { annotations = {}, labels = {} } = wanted.metadata
    return { ...next, metadata: { ...live.metadata, annotations, labels } }
  }

  #store(collection: string, stored: Stored, wanted: KubeObject, manager: string | undefined): KubeObject {
    const spec = wanted as { spec?: { renewTime?: string; acquireTime?: string } }
    const times = collection === 'leases' ? [spec.spec?.renewTime, spec.spec?.acquireTime] : []
    const wrong = times.find((time) => time !== undefined && !microTime.test(time))
    if (wrong !== undefined) {
      throw new Refusal(
        400,
        'BadRequest',
        `parsing time "${wrong}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse`,
      )
    }
    const fresh = this.#collection(collection).get(keyOf(wanted.metadata)) !== stored
    const previous = stored.object
    const next = structuredClone(wanted)
    const { uid, creationTimestamp, generation = 1, resourceVersion } = previous.metadata
    Object.assign(next.metadata, { uid, creationTimestamp, generation })
    if (resourceVersion !== undefined) next.metadata.resourceVersion = resourceVersion
    delete next.metadata.managedFields
    if (manager !== undefined) own(stored.owners, manager, fresh ? {} : previous, next)
    const managedFields = [...stored.owners.keys()].map((owner) => ({
      manager: owner,
      fieldsType: 'FieldsV1',
      fieldsV1: {},
    }))
    const lean = structuredClone(previous)
    delete lean.metadata.managedFields
    if (!fresh && isDeepStrictEqual(lean, next)) return previous
    if (!fresh && !isDeepStrictEqual((previous as { spec?: unknown }).spec, (next as { spec?: unknown }).spec)) {
      next.metadata.generation = generation + 1
    }
    next.metadata.managedFields = managedFields
    stored.object = next
    this.#collection(collection).set(keyOf(next.metadata), stored)
    this.#tell(
      fresh ? { type: 'ADDED', collection, object: next } : { type: 'MODIFIED', collection, object: next, previous },
    )
    return next
  }

  #tell(change: Omit<Change, 'version'>): void {
    this.version++
    change.object.metadata.resourceVersion = String(this.version)
    const told = { ...change, version: this.version }
    this.history.push(told)
    for (const listener of this.#listeners) listener(told)
  }
}

export function selects({ namespace, labelSelector, fieldSelector }: Selection, object: KubeObject): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false
  return matchesLabels(object, labelSelector) && matchesFields(object, fieldSelector)
}

function notFound(collection: string, { name }: ObjectRef): Refusal {
  return new Refusal(404, 'NotFound', `${collection} "${name}" not found`)
}

/** A plain write owns what it changes. */
function own(owners: Owners, manager: string, before: unknown, after: unknown): void {
  const known = leavesOf(before)
  const paths = owners.get(manager) ?? new Set()
  for (const [path, value] of leavesOf(after)) {
    if (JSON.stringify(known.get(path)) === JSON.stringify(value)) continue
    for (const others of owners.values()) others.delete(path)
    paths.add(path)
  }
  owners.set(manager, paths)
}
