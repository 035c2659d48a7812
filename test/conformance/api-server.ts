import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeError } from '../../src/kube/client/api-errors.ts'
import type { KubeClient, WatchEvent, WatchQuery } from '../../src/kube/client/client.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { type Resource, resources } from '../../src/kube/client/resource.ts'

interface ConfigMap extends KubeObject {
  data?: Record<string, string>
}
interface Identity extends KubeObject {
  spec?: { tokens?: { name: string }[] }
  status?: { subject?: string; conditions?: Record<string, string>[] }
}
interface Lease extends KubeObject {
  spec?: { holderIdentity?: string; renewTime?: string }
}

export interface ApiServerUnderTest {
  readonly client: KubeClient
  /** One that exists and that the suite may fill. */
  readonly namespace: string
  stop(): Promise<void>
}

/** What both a real API server and the fake do. ServiceIdentities must be installed. */
export function describeApiServer(name: string, start: () => Promise<ApiServerUnderTest>): void {
  describe(name, () => {
    let server: ApiServerUnderTest
    let client: KubeClient
    let namespace: string
    beforeAll(async () => {
      server = await start()
      client = server.client
      namespace = server.namespace
    })
    afterAll(() => server.stop())

    const unique = (): string => `t-${randomUUID().slice(0, 8)}`
    const configMap = (
      fields: Partial<ConfigMap['metadata']> = {},
      data: Record<string, string> = { a: '1' },
    ): ConfigMap => ({
      metadata: { name: unique(), namespace, ...fields },
      data,
    })
    const createConfigMap = (...fields: Parameters<typeof configMap>) =>
      client.create(resources.configMaps, configMap(...fields))
    const refused = (call: Promise<unknown>): Promise<KubeError> =>
      call.then(
        () => expect.fail('was not refused'),
        (error: unknown) => error as KubeError,
      )

    /** Watches until enough events came, bookmarks left out. */
    async function events(resource: Resource, query: Partial<WatchQuery>, count: number, act: () => Promise<unknown>) {
      const seen: WatchEvent[] = []
      const stop = new AbortController()
      const opened = Promise.withResolvers<undefined>()
      const watching = client
        .watch(
          resource,
          { namespace, timeoutSeconds: 20, ...query },
          (event) => {
            if (event.type !== 'BOOKMARK') seen.push(event)
            if (seen.length >= count) stop.abort()
          },
          stop.signal,
          () => opened.resolve(undefined),
        )
        .catch(() => undefined)
      await opened.promise
      await act()
      await watching
      return seen.map(({ type, object }) => `${type} ${object.metadata.name}`)
    }

    it('creates an object with uid, resourceVersion and creation time', async () => {
      const created = await createConfigMap()
      expect(created).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } })
      expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
      expect(created.metadata.resourceVersion).toMatch(/^\d+$/)
      expect(created.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(await client.get(resources.configMaps, created.metadata)).toEqual(created)
    })

    it('refuses to create what exists, and what has a resourceVersion', async () => {
      const created = await createConfigMap()
      const again = await refused(client.create(resources.configMaps, configMap({ name: created.metadata.name })))
      expect(again).toMatchObject({
        status: 409,
        code: 'ERR_KUBE_ALREADY_EXISTS',
        isAlreadyExists: true,
        isConflict: false,
      })
      // 500 is what a real one says.
      expect(await refused(createConfigMap({ resourceVersion: '1' }))).toMatchObject({ status: 500 })
    })

    it('gives undefined for what is not there, and deletes it without complaint', async () => {
      expect(await client.get(resources.configMaps, { namespace, name: 'absent' })).toBeUndefined()
      await expect(client.delete(resources.configMaps, { namespace, name: 'absent' })).resolves.toBeUndefined()
    })

    it('replaces only the version that was read', async () => {
      const created = await createConfigMap()
      const replaced = await client.replace(resources.configMaps, { ...created, data: { a: '2' } })
      expect(replaced.data).toEqual({ a: '2' })
      expect(Number(replaced.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion))
      const stale = await refused(client.replace(resources.configMaps, { ...created, data: { a: '3' } }))
      expect(stale).toMatchObject({ status: 409, code: 'ERR_KUBE_CONFLICT', isConflict: true, isAlreadyExists: false })
    })

    it('keeps the resourceVersion where a replace changes nothing', async () => {
      const created = await createConfigMap()
      const replaced = await client.replace(resources.configMaps, created)
      expect(replaced.metadata.resourceVersion).toBe(created.metadata.resourceVersion)
    })

    it('says that a replaced object is gone', async () => {
      const created = await createConfigMap()
      await client.delete(resources.configMaps, created.metadata)
      const error = await refused(client.replace(resources.configMaps, { ...created, data: {} }))
      expect([404, 409]).toContain(error.status)
    })

    it('applies: creates, changes what is ours, removes what we no longer want', async () => {
      const wanted = configMap({}, { a: '1', b: '1' })
      const options = { fieldManager: 'one' }
      await client.apply<ConfigMap>(resources.configMaps, wanted, options)
      const changed = await client.apply<ConfigMap>(resources.configMaps, { ...wanted, data: { a: '2' } }, options)
      expect(changed.data).toEqual({ a: '2' })
    })

    it('refuses to apply a field of another manager, unless forced', async () => {
      const wanted = configMap({}, { a: '1' })
      await client.apply<ConfigMap>(
        resources.configMaps,
        { ...wanted, data: { a: '1', b: '1' } },
        { fieldManager: 'one' },
      )
      const taken = { ...wanted, data: { a: '2' } }
      const error = await refused(client.apply<ConfigMap>(resources.configMaps, taken, { fieldManager: 'two' }))
      expect(error).toMatchObject({ status: 409, isConflict: true, causes: ['FieldManagerConflict'] })
      const forced = await client.apply<ConfigMap>(resources.configMaps, taken, { fieldManager: 'two', force: true })
      expect(forced.data).toEqual({ a: '2', b: '1' })
      const dropped = await client.apply<ConfigMap>(
        resources.configMaps,
        { ...wanted, data: { b: '1' } },
        { fieldManager: 'one' },
      )
      expect(dropped.data).toEqual({ a: '2', b: '1' })
    })

    it('applies annotations beside those of others', async () => {
      const created = await createConfigMap({ annotations: { theirs: 'x' } })
      const { name } = created.metadata
      const options = { fieldManager: 'annotator' }
      const applied = await client.apply<ConfigMap>(
        resources.configMaps,
        { metadata: { name, namespace, annotations: { ours: 'y' } } },
        options,
      )
      expect(applied.metadata.annotations).toEqual({ theirs: 'x', ours: 'y' })
      expect(applied.data).toEqual({ a: '1' })
      const withdrawn = await client.apply<ConfigMap>(resources.configMaps, { metadata: { name, namespace } }, options)
      expect(withdrawn.metadata.annotations).toEqual({ theirs: 'x' })
    })

    it('keeps the status apart from the rest', async () => {
      const metadata = { name: unique(), namespace }
      const created = await client.create<Identity>(resources.serviceIdentities, {
        metadata,
        spec: {},
        status: { subject: 'mine' },
      })
      expect(created.status).toBeUndefined()
      expect(created.metadata.generation).toBe(1)
      const options = { fieldManager: 'signet', subresource: 'status' }
      const status = { subject: 'spiffe://cluster.local/ns/a/sa/b' }
      const applied = await client.apply<Identity>(resources.serviceIdentities, { metadata, status }, options)
      expect(applied).toMatchObject({ spec: {}, status, metadata: { generation: 1 } })
      const replaced = await client.replace<Identity>(resources.serviceIdentities, {
        ...applied,
        spec: { tokens: [{ name: 'a' }] },
        status: { subject: 'other' },
      })
      expect(replaced).toMatchObject({ spec: { tokens: [{ name: 'a' }] }, status, metadata: { generation: 2 } })
      const gone = await refused(
        client.apply(resources.serviceIdentities, { metadata: { name: 'absent', namespace } }, options),
      )
      expect(gone).toMatchObject({ isNotFound: true })
    })

    it('merges conditions of two managers by their type', async () => {
      const metadata = { name: unique(), namespace }
      await client.create<Identity>(resources.serviceIdentities, { metadata, spec: {} })
      const apply = (fieldManager: string, ...types: string[]) =>
        client.apply<Identity>(
          resources.serviceIdentities,
          {
            metadata,
            status: {
              conditions: types.map((type) => ({
                type,
                status: 'True',
                lastTransitionTime: '2026-01-01T00:00:00Z',
                reason: 'Ok',
                message: '',
              })),
            },
          },
          { fieldManager, subresource: 'status' },
        )
      await apply('one', 'Ready', 'KeysReady')
      await apply('two', 'Nudged')
      const final = await apply('one', 'Ready')
      expect(final.status?.conditions?.map(({ type }) => type).sort()).toEqual(['Nudged', 'Ready'])
    })

    it('patches: merge with null removes, json with a failed test is refused', async () => {
      const { metadata } = await createConfigMap({ annotations: { a: '1', b: '1' } })
      const merge = { metadata: { annotations: { a: null, c: '1' } } }
      const patched = await client.patch<ConfigMap>(resources.configMaps, metadata, merge, { type: 'merge' })
      expect(patched.metadata.annotations).toEqual({ b: '1', c: '1' })
      const operations = [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: '2' },
      ]
      const replaced = await client.patch<ConfigMap>(resources.configMaps, metadata, operations, { type: 'json' })
      expect(replaced.data).toEqual({ a: '2' })
      expect(await refused(client.patch(resources.configMaps, metadata, operations, { type: 'json' }))).toMatchObject({
        isInvalid: true,
      })
      expect(await refused(client.patch(resources.configMaps, metadata, merge, { type: 'json' }))).toMatchObject({
        status: 400,
      })
    })

    it('deletes only the object that was meant', async () => {
      const created = await createConfigMap()
      const wrong = await refused(client.delete(resources.configMaps, created.metadata, { uid: randomUUID() }))
      expect(wrong).toMatchObject({ isConflict: true })
      const old = await refused(client.delete(resources.configMaps, created.metadata, { resourceVersion: '1' }))
      expect(old).toMatchObject({ isConflict: true })
      const { uid, resourceVersion } = created.metadata
      await client.delete(resources.configMaps, created.metadata, { uid, resourceVersion })
      expect(await client.get(resources.configMaps, created.metadata)).toBeUndefined()
    })

    it('lists by label, whole and by pages, each item with its kind', async () => {
      const batch = unique()
      for (const index of [0, 1, 2]) await createConfigMap({ labels: { batch, index: String(index) } })
      const names = (items: KubeObject[]) => items.map(({ metadata }) => metadata.labels?.index)
      const all = await client.list(resources.configMaps, { namespace, labelSelector: `batch=${batch}` })
      expect(names(all.items).sort()).toEqual(['0', '1', '2'])
      expect(all.items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
      const some = await client.list(resources.configMaps, {
        namespace,
        labelSelector: `batch=${batch},index in (0,2)`,
      })
      expect(names(some.items).sort()).toEqual(['0', '2'])
      const page = await client.list(resources.configMaps, { labelSelector: `batch=${batch}`, limit: 2 })
      const rest = await client.list(resources.configMaps, {
        labelSelector: `batch=${batch}`,
        limit: 2,
        continue: page.continue,
      })
      expect(page.items).toHaveLength(2)
      expect(names([...page.items, ...rest.items]).sort()).toEqual(['0', '1', '2'])
      expect(rest.continue).toBeUndefined()
      expect(rest.resourceVersion).toBe(page.resourceVersion)
    })

    it('lists by field, from the cache, and metadata alone', async () => {
      const { metadata } = await createConfigMap()
      const query = { namespace, fieldSelector: `metadata.name=${metadata.name}` }
      const { items } = await client.list(resources.configMaps, { ...query, resourceVersion: metadata.resourceVersion })
      expect(items.map((item) => item.metadata.name)).toEqual([metadata.name])
      const partial = await client.list(resources.configMaps, { ...query, metadataOnly: true })
      expect(Object.keys(partial.items[0] ?? {}).sort()).toEqual(['apiVersion', 'kind', 'metadata'])
    })

    it('refuses to list a version that is yet to come', async () => {
      const error = await refused(client.list(resources.configMaps, { namespace, resourceVersion: '999999999999' }))
      expect(error.isTooLargeResourceVersion).toBe(true)
    })

    it('watches from a version on: what came after, in order', async () => {
      const labels = { watched: unique() }
      const before = await createConfigMap({ labels })
      const other = unique()
      const query = { resourceVersion: before.metadata.resourceVersion, labelSelector: `watched=${labels.watched}` }
      const seen = await events(resources.configMaps, query, 4, async () => {
        const created = await createConfigMap({ name: other, labels })
        const changed = await client.replace(resources.configMaps, { ...created, data: {} })
        // Out of the selector is as good as deleted.
        await client.replace(resources.configMaps, { ...changed, metadata: { ...changed.metadata, labels: {} } })
        await client.delete(resources.configMaps, before.metadata)
      })
      expect(seen).toEqual([
        `ADDED ${other}`,
        `MODIFIED ${other}`,
        `DELETED ${other}`,
        `DELETED ${before.metadata.name}`,
      ])
    })

    it('streams a list: all objects, a bookmark, then changes', async () => {
      const labels = { streamed: unique() }
      const [first, second] = [await createConfigMap({ labels }), await createConfigMap({ labels })]
      const seen: string[] = []
      const stop = new AbortController()
      const query: WatchQuery = {
        namespace,
        labelSelector: `streamed=${labels.streamed}`,
        timeoutSeconds: 20,
        sendInitialEvents: true,
        resourceVersion: '',
        metadataOnly: true,
      }
      const onEvent = ({ type, object }: WatchEvent) => {
        const end = object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true'
        if (type !== 'BOOKMARK' || end)
          seen.push(end ? 'END' : `${type} ${object.metadata.name} ${String('data' in object)}`)
        if (end) void client.delete(resources.configMaps, first.metadata)
        if (type === 'DELETED') stop.abort()
      }
      await client.watch(resources.configMaps, query, onEvent, stop.signal).catch(() => undefined)
      expect(seen.slice(0, 2).sort()).toEqual(
        [first, second].map(({ metadata }) => `ADDED ${metadata.name} false`).sort(),
      )
      expect(seen.slice(2)).toEqual(['END', `DELETED ${first.metadata.name} false`])
    })

    it('ends a watch cleanly when its time is over', async () => {
      const { resourceVersion } = await client.list(resources.configMaps, { namespace })
      const query = { namespace, resourceVersion, timeoutSeconds: 1 }
      await expect(
        client.watch(resources.configMaps, query, () => undefined, new AbortController().signal),
      ).resolves.toBeUndefined()
    })

    it('T11: takes a MicroTime of six fraction digits only', async () => {
      const lease = (renewTime: string): Lease => ({
        metadata: { name: unique(), namespace },
        spec: { holderIdentity: 'a', renewTime },
      })
      expect(await refused(client.create(resources.leases, lease('2026-01-01T00:00:00.123Z')))).toMatchObject({
        status: 400,
      })
      await expect(client.create(resources.leases, lease('2026-01-01T00:00:00.123000Z'))).resolves.toBeDefined()
    })
  })
}
