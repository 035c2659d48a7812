import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { remove, replaceAll, upsert } from '../../../src/kube/cache/store-changes.ts'

interface Labelled extends KubeObject {
  readonly labels?: readonly string[]
}

const object = (name: string, version: string, uid = name, namespace = 'shop'): KubeObject => ({
  metadata: { namespace, name, uid, resourceVersion: version },
})

describe('a store', () => {
  it('finds by reference, key and index', () => {
    const store = new Store<Labelled>({ label: ({ labels = [] }) => labels })
    const a = { ...object('a', '1'), labels: ['x', 'y'] }
    store.set(a)
    expect(store.get({ namespace: 'shop', name: 'a' })).toBe(a)
    expect(store.getByKey('shop/a')).toBe(a)
    expect(store.get({ namespace: 'other', name: 'a' })).toBeUndefined()
    expect(store.byIndex('label', 'y')).toEqual([a])
    expect(store.byIndex('label', 'z')).toEqual([])
    expect(() => store.byIndex('nothing', 'y')).toThrow(TypeError)
    expect(store.size).toBe(1)
  })

  it('keeps its indexes true through any changes', () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      labels: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
      deleted: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const store = new Store<Labelled>({ label: ({ labels = [] }) => labels })
        for (const { name, labels, deleted } of changes) {
          if (deleted) store.delete({ namespace: 'shop', name })
          else store.set({ ...object(name, '1'), labels })
        }
        for (const label of ['x', 'y', 'z']) {
          const expected = store.list().filter(({ labels = [] }) => labels.includes(label))
          expect(new Set(store.byIndex('label', label))).toEqual(new Set(expected))
        }
      }),
    )
  })

  it('is unchanged where an indexer throws', () => {
    const store = new Store<Labelled>({
      label: ({ labels }) => {
        if (labels?.includes('bad')) throw new Error('indexer at fault')
        return labels ?? []
      },
    })
    store.set({ ...object('a', '1'), labels: ['x'] })
    expect(() => store.set({ ...object('a', '2'), labels: ['bad'] })).toThrow('indexer at fault')
    expect(store.byIndex('label', 'x')).toHaveLength(1)
  })

  it('takes a write of our own only if the watch has not passed it', () => {
    const store = new Store<KubeObject>()
    expect(store.insertIfNewer(object('a', '5'))).toBe(false)
    store.advance('', '10')
    expect(store.insertIfNewer(object('a', '9'))).toBe(false)
    expect(store.insertIfNewer(object('a', '11'))).toBe(true)
    expect(store.insertIfNewer(object('a', '11'))).toBe(false)
    expect(store.insertIfNewer(object('a', '12'))).toBe(true)
    // Another object of that name, deleted before the watch came here.
    expect(store.insertIfNewer(object('a', '8', 'other'))).toBe(false)
    expect(store.insertIfNewer(object('a', '100', 'other'))).toBe(true)
  })

  it('judges a write by the watch of its own namespace', () => {
    const store = new Store<KubeObject>()
    store.advance('shop', '10')
    expect(store.insertIfNewer(object('a', '11', 'a', 'other'))).toBe(false)
    expect(store.insertIfNewer(object('a', '11'))).toBe(true)
  })
})

describe('changes of a store', () => {
  const kinds = (events: readonly { type: string; object: KubeObject }[]) =>
    events.map(({ type, object: { metadata } }) => `${type} ${metadata.uid ?? ''}@${metadata.resourceVersion ?? ''}`)

  it('tell added, updated and deleted apart, and W10: a successor from its predecessor', () => {
    const store = new Store<KubeObject>()
    expect(kinds(upsert(store, object('a', '1')))).toEqual(['added a@1'])
    expect(kinds(upsert(store, object('a', '2')))).toEqual(['updated a@2'])
    expect(upsert(store, object('a', '2')).map(({ own }) => own)).toEqual([true])
    expect(upsert(store, object('a', '2', 'other')).map(({ own }) => own)).toEqual([undefined, undefined])
    store.set(object('a', '2'))
    expect(kinds(upsert(store, object('a', '3', 'next')))).toEqual(['deleted a@2', 'added next@3'])
    expect(kinds(remove(store, object('a', '4', 'next')))).toEqual(['deleted next@3'])
    expect(remove(store, object('a', '4', 'next'))).toEqual([])
  })

  it('do not undo a write of our own: neither an older state nor the deletion of a predecessor', () => {
    const store = new Store<KubeObject>()
    upsert(store, object('a', '5', 'next'))
    expect(upsert(store, object('a', '4', 'next'))).toEqual([])
    expect(kinds(remove(store, object('a', '3', 'a')))).toEqual(['deleted a@3'])
    expect(store.get({ namespace: 'shop', name: 'a' })?.metadata.uid).toBe('next')
  })

  it('of a list: what differs, what is missing, nothing else, and one namespace at a time', () => {
    const store = new Store<KubeObject>()
    for (const one of [
      object('same', '1'),
      object('old', '1'),
      object('gone', '1'),
      object('far', '1', 'far', 'other'),
    ])
      store.set(one)
    const events = replaceAll(store, 'shop', [object('same', '1'), object('old', '2'), object('new', '2')])
    expect(kinds(events)).toEqual(['updated old@2', 'added new@2', 'deleted gone@1'])
    expect(events.every(({ initial }) => initial)).toBe(true)
    expect(store.size).toBe(4)
    expect(kinds(replaceAll(store, '', []))).toHaveLength(4)
    expect(store.size).toBe(0)
  })
})
