import { CoordinationV1Api, CoreV1Api, V1Lease } from '@kubernetes/client-node'
import { describe, expect, it } from 'vitest'
import type { WatchEvent } from '../../../src/kube/client/client.ts'
import { formatMicroTime } from '../../../src/kube/client/micro-time.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import type { KubeRequestMetric } from '../../../src/kube/client/request-sender.ts'
import { eventually } from '../../builders/eventually.ts'
import { fakeCluster, stockConfig } from '../../fakes/api-server-fixture.ts'

interface Secret extends KubeObject {
  data?: Record<string, string>
}

const ref = { namespace: 'shop', name: 'orders' }
const secret: Secret = { metadata: ref, data: { token: 'c2VjcmV0' } }
const never = new AbortController().signal

describe('T4: a call that is not answered', () => {
  it('ends at its deadline', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => 'hang')
    const call = client.get(resources.secrets, ref, { timeoutMs: 100 })
    await expect(call).rejects.toMatchObject({
      code: 'ERR_KUBE_TIMEOUT',
      status: 0,
      message: 'cannot get secrets shop/orders: Timeout: not done within 100 ms',
    })
  })

  it('ends when its headers are overdue, and is asked again', async () => {
    const { fake, client } = await fakeCluster({ headersTimeoutMs: 500 })
    let asked = 0
    fake.intercept(() => (++asked === 1 ? 'hang' : undefined))
    await expect(client.get(resources.secrets, ref)).resolves.toBeUndefined()
    // Twice, and more often only where the machine itself is slower than that limit.
    expect(asked).toBeGreaterThanOrEqual(2)
  })

  it('ends when the rest of its body is overdue', async () => {
    const { fake, client } = await fakeCluster({ bodyTimeoutMs: 500 })
    let asked = 0
    fake.intercept(() => (++asked === 1 ? { raw: '{"metadata":', then: 'hang' } : undefined))
    await expect(client.get(resources.secrets, ref)).resolves.toBeUndefined()
    expect(asked).toBeGreaterThanOrEqual(2)
  })

  it('ends with the reason of the caller who gives up', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => 'hang')
    const stop = new AbortController()
    const call = client.get(resources.secrets, ref, { signal: stop.signal })
    const reason = new Error('enough')
    setTimeout(() => stop.abort(reason), 20)
    await expect(call).rejects.toBe(reason)
  })

  it('is not even sent where the caller has given up already', async () => {
    const { fake, client } = await fakeCluster()
    await expect(client.get(resources.secrets, ref, { signal: AbortSignal.abort() })).rejects.toThrow('aborted')
    expect(fake.requests).toEqual([])
  })
})

describe('many calls at once', () => {
  it('go out with Secrets first, then statuses, then Events, and no more than sixteen at a time', async () => {
    const { fake, client } = await fakeCluster()
    const order: string[] = []
    const release = fake.intercept(({ collection }) => {
      order.push(collection)
      return collection === 'leases' ? undefined : 'hang'
    })
    const [one, stop] = [new AbortController(), new AbortController()]
    const gone = () => undefined
    const hanging = Array.from({ length: 16 }, (_, index) =>
      client.get(resources.configMaps, ref, { signal: (index === 0 ? one : stop).signal }).catch(gone),
    )
    await eventually(() => expect(order).toHaveLength(16))
    const apply = { fieldManager: 'test', subresource: 'status' }
    const behind = [
      client.create(resources.events, { metadata: { namespace: 'shop', name: 'event' } }),
      client.apply(resources.serviceIdentities, { metadata: ref }, apply),
      client.create(resources.secrets, secret),
    ].map((call) => call.catch(gone))
    // Neither the Lease nor a watch waits for any of them.
    await client.get(resources.leases, ref, { pool: 'lease', timeoutMs: 10_000 })
    order.length = 0
    release()
    fake.intercept(({ collection }) => void order.push(collection))
    // One place is free, for one after the other: side by side, each on a connection of its own, any may arrive first.
    one.abort()
    await Promise.all(behind)
    expect(order).toEqual(['secrets', 'serviceidentities', 'events'])
    stop.abort()
    await Promise.all(hanging)
  })
})

describe('T5: a call that fails in passing', () => {
  it.each([429, 503, 504])('is asked again after %i', async (status) => {
    const { fake, client } = await fakeCluster()
    let asked = 0
    fake.intercept(() => (++asked < 3 ? { status } : undefined))
    await client.replace(resources.secrets, fake.put(resources.secrets, secret))
    expect(asked).toBe(3)
  })

  it('waits as long as Retry-After says', async () => {
    const { fake, client } = await fakeCluster()
    let asked = 0
    fake.intercept(() => (++asked === 1 ? { status: 429, retryAfter: '1' } : undefined))
    const startedAt = performance.now()
    await client.get(resources.secrets, ref)
    expect(performance.now() - startedAt).toBeGreaterThan(990)
  })

  it('fails at once where Retry-After is beyond its deadline, and tells how long', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => ({ status: 429, retryAfter: '3600' }))
    await expect(client.get(resources.secrets, ref)).rejects.toMatchObject({ status: 429, retryAfterMs: 3_600_000 })
    expect(fake.requests).toHaveLength(1)
  })

  it('is asked again after a reset', async () => {
    const { fake, client } = await fakeCluster()
    let asked = 0
    fake.intercept(() => (++asked === 1 ? 'reset' : undefined))
    await expect(client.get(resources.secrets, ref)).resolves.toBeUndefined()
    expect(asked).toBe(2)
  })

  it('is not repeated if it is a create that may have been done: after a reset, 503 or 504', async () => {
    for (const fault of ['reset', { status: 503 }, { status: 504 }] as const) {
      const { fake, client } = await fakeCluster()
      fake.intercept(() => fault)
      await expect(client.create(resources.secrets, secret)).rejects.toMatchObject({ name: 'KubeError' })
      expect(fake.requests).toHaveLength(1)
    }
  })

  it('is repeated if it is a create that was refused for load', async () => {
    const { fake, client } = await fakeCluster()
    let asked = 0
    fake.intercept(() => (++asked === 1 ? { status: 429 } : undefined))
    await client.create(resources.secrets, secret)
    expect(asked).toBe(2)
  })

  it('is given up after five tries, and every one is counted', async () => {
    const counted: KubeRequestMetric[] = []
    const { fake, client } = await fakeCluster({ onRequest: (request) => counted.push(request) })
    fake.intercept(() => ({ status: 503 }))
    await expect(client.list(resources.secrets)).rejects.toMatchObject({ status: 503 })
    expect(counted.map(({ verb, resource, status }) => [verb, resource, status])).toEqual(
      Array.from({ length: 5 }, () => ['list', 'secrets', 503]),
    )
  })

  it('stock client-node asks once', async () => {
    const { fake } = await fakeCluster()
    fake.intercept(() => ({ status: 429, retryAfter: '0' }))
    const api = stockConfig(fake).makeApiClient(CoreV1Api)
    await expect(api.readNamespacedSecret(ref)).rejects.toMatchObject({ code: 429 })
    expect(fake.requests).toHaveLength(1)
  })

  it('is Unreachable if nothing listens', async () => {
    const { fake, client } = await fakeCluster()
    await fake.stop()
    await expect(client.get(resources.secrets, ref)).rejects.toMatchObject({
      code: 'ERR_KUBE_UNREACHABLE',
      isUnreachable: true,
      message: 'cannot get secrets shop/orders: Unreachable: ECONNREFUSED',
    })
  })
})

describe('T6: an error', () => {
  it('names verb, resource, object and the reason of the Status', async () => {
    const { fake, client } = await fakeCluster()
    fake.put(resources.configMaps, { metadata: ref })
    const error = client.create(resources.configMaps, { metadata: ref })
    await expect(error).rejects.toMatchObject({
      name: 'KubeError',
      code: 'ERR_KUBE_ALREADY_EXISTS',
      reason: 'AlreadyExists',
      message: 'cannot create configmaps shop/orders: 409 AlreadyExists: configmaps "orders" already exists',
    })
  })

  it('never carries the data of a Secret, whatever the server quotes', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => ({ status: 422, reason: 'Invalid', message: 'data[token]: Invalid value: "c2VjcmV0"' }))
    const error: unknown = await client.create(resources.secrets, secret).catch((thrown: unknown) => thrown)
    expect(String(error)).toBe('KubeError: cannot create secrets shop/orders: 422 Invalid')
    expect(JSON.stringify(error)).not.toContain('c2VjcmV0')
  })

  it('of an answer that is not JSON quotes nothing of it', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => ({ raw: '<html>c2VjcmV0', then: 'end' }))
    await expect(client.get(resources.secrets, ref)).rejects.toThrow(
      /^cannot get secrets shop\/orders: BrokenAnswer: not JSON$/,
    )
  })

  it('of a replace without resourceVersion is a TypeError, and nothing is sent', async () => {
    const { fake, client } = await fakeCluster()
    await expect(client.replace(resources.secrets, secret)).rejects.toThrow(TypeError)
    expect(fake.requests).toEqual([])
  })
})

describe('T7: a patch', () => {
  it('says what kind it is', async () => {
    const { fake, client } = await fakeCluster()
    fake.put(resources.configMaps, { metadata: ref })
    await client.apply(resources.configMaps, { metadata: ref }, { fieldManager: 'signet', force: true })
    await client.patch(resources.configMaps, ref, { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
    await client.patch(resources.configMaps, ref, [{ op: 'remove', path: '/metadata/labels/a' }], { type: 'json' })
    expect(fake.requests.map(({ headers }) => headers['content-type'])).toEqual([
      'application/apply-patch+yaml',
      'application/merge-patch+json',
      'application/json-patch+json',
    ])
    expect(fake.requests[0]?.query).toEqual({ fieldManager: 'signet', force: 'true' })
    expect(JSON.parse(fake.requests[0]?.text ?? '')).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref })
  })

  it('of stock client-node says json-patch whatever it is, and is refused', async () => {
    const { fake } = await fakeCluster()
    fake.put(resources.configMaps, { metadata: ref })
    const api = stockConfig(fake).makeApiClient(CoreV1Api)
    const patch = api.patchNamespacedConfigMap({ ...ref, body: { metadata: { labels: { a: 'b' } } } })
    await expect(patch).rejects.toMatchObject({ code: 400 })
  })
})

describe('T9: a field that is not known here', () => {
  const future = { metadata: { ...ref, futureMeta: 1 }, brandNewField: { deep: true } }

  it('survives read and replace', async () => {
    const { fake, client } = await fakeCluster()
    fake.put(resources.secrets, future)
    const read = await client.get<Secret>(resources.secrets, ref)
    await client.replace(resources.secrets, { ...read!, data: {} })
    expect(fake.objects(resources.secrets)[0]).toMatchObject({ ...future, data: {} })
  })

  it('is lost with stock client-node', async () => {
    const { fake } = await fakeCluster()
    fake.put(resources.secrets, future)
    const api = stockConfig(fake).makeApiClient(CoreV1Api)
    const body = await api.readNamespacedSecret(ref)
    await api.replaceNamespacedSecret({ ...ref, body })
    expect(fake.objects(resources.secrets)[0]).not.toHaveProperty('brandNewField')
  })
})

describe('T10: times', () => {
  it('are text in lists and watches alike', async () => {
    const { fake, client } = await fakeCluster()
    fake.put(resources.secrets, secret)
    const { items } = await client.list(resources.secrets)
    const seen: WatchEvent[] = []
    await client.watch(
      resources.secrets,
      { timeoutSeconds: 1, sendInitialEvents: true },
      (event) => void seen.push(event),
      never,
    )
    expect(typeof items[0]?.metadata.creationTimestamp).toBe('string')
    expect(seen[0]?.object).toEqual(items[0])
  })
})

describe('T11: a MicroTime', () => {
  const lease = (renewTime: unknown) => ({ metadata: ref, spec: { holderIdentity: 'a', renewTime } })

  it('has the six digits the API server wants', async () => {
    const { client } = await fakeCluster()
    expect(formatMicroTime(1_767_225_600_123)).toBe('2026-01-01T00:00:00.123000Z')
    await expect(client.create(resources.leases, lease(formatMicroTime(Date.now())))).resolves.toBeDefined()
  })

  it('of stock client-node has three, and every lease is refused', async () => {
    const { fake } = await fakeCluster()
    const api = stockConfig(fake).makeApiClient(CoordinationV1Api)
    const { metadata, spec } = lease(new Date())
    const body = Object.assign(new V1Lease(), { metadata, spec })
    await expect(api.createNamespacedLease({ namespace: 'shop', body })).rejects.toMatchObject({ code: 400 })
  })
})

describe('a watch', () => {
  const query = { timeoutSeconds: 60, resourceVersion: '1' }

  it('asks for bookmarks and an end', async () => {
    const { fake, client } = await fakeCluster()
    await client.watch(
      resources.secrets,
      { namespace: 'shop', labelSelector: 'a=b', timeoutSeconds: 1, resourceVersion: '7' },
      () => undefined,
      never,
    )
    expect(fake.requests[0]).toMatchObject({
      path: '/api/v1/namespaces/shop/secrets',
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: '1',
        labelSelector: 'a=b',
        resourceVersion: '7',
      },
    })
  })

  it.each([
    ['W9: a line that is not JSON', '{"type":"ADDED","obj\n', 'hang', 'a line is not a watch event'],
    ['a line that is no event', '{"type":"ADDED"}\n', 'hang', 'a line is not a watch event'],
    ['an end in the middle of a line', '{"type":"ADDED",', 'end', 'the last line was cut off'],
    ['a reset', '', 'reset', 'ECONNRESET'],
  ] as const)('breaks off at %s', async (_, raw, then, detail) => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => ({ raw, then }))
    await expect(client.watch(resources.secrets, query, () => undefined, never)).rejects.toMatchObject({
      code: 'ERR_KUBE_BROKEN_STREAM',
      message: `cannot watch secrets: BrokenStream: ${detail}`,
    })
    expect(client.stats.watches).toBe(0)
  })

  it('puts together lines that come in pieces', async () => {
    const { fake, client } = await fakeCluster()
    const seen: string[] = []
    const stop = new AbortController()
    const watching = client
      .watch(resources.secrets, query, ({ object }) => void seen.push(object.metadata.name), stop.signal)
      .catch(() => undefined)
    await eventually(() => expect(fake.watches.size).toBe(1))
    const [open] = fake.watches
    for (const piece of [
      '{"type":"ADDED","object":{"meta',
      'data":{"name":"\u00e4',
      '"}}}\n{"type":"ADD',
      'ED","object":{"metadata":{"name":"b"}}}\n',
    ]) {
      open?.send(piece)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await eventually(() => expect(seen).toEqual(['\u00e4', 'b']))
    stop.abort()
    await watching
  })

  it('W1: that outlives its own end is given up', async () => {
    const { fake, client } = await fakeCluster({ watchGraceMs: 100 })
    fake.intercept(() => ({ raw: '', then: 'hang' }))
    const watching = client.watch(
      resources.secrets,
      { timeoutSeconds: 0, resourceVersion: '1' },
      () => undefined,
      never,
    )
    await expect(watching).rejects.toMatchObject({ code: 'ERR_KUBE_TIMEOUT', status: 0 })
    await eventually(() => expect(fake.connections.open).toBe(0))
  })

  it('W11: whose caller has left delivers nothing more', async () => {
    const { fake, client } = await fakeCluster()
    for (const name of ['a', 'b', 'c']) fake.put(resources.secrets, { metadata: { ...ref, name } })
    const seen: string[] = []
    const stop = new AbortController()
    const onEvent = ({ object }: WatchEvent) => {
      seen.push(object.metadata.name)
      stop.abort(new Error('enough'))
    }
    await expect(client.watch(resources.secrets, query, onEvent, stop.signal)).rejects.toThrow('enough')
    expect(seen).toEqual(['a'])
    await eventually(() => expect(fake.watches.size).toBe(0))
  })

  it('that is refused tells why', async () => {
    const { fake, client } = await fakeCluster()
    fake.intercept(() => ({ status: 429, retryAfter: '7' }))
    await expect(client.watch(resources.secrets, query, () => undefined, never)).rejects.toMatchObject({
      status: 429,
      retryAfterMs: 7_000,
    })
    expect(fake.requests).toHaveLength(1)
  })
})
