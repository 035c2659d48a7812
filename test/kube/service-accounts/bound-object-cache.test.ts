import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { SECOND } from '../../../src/time/duration.ts'
import { BoundObjectCache } from '../../../src/kube/service-accounts/bound-object-cache.ts'
import type { KubeClient } from '../../../src/kube/client/client.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { type Resource, resources } from '../../../src/kube/client/resource.ts'
import { eventually } from '../../builders/eventually.ts'
import { recordingLogger } from '../../fakes/api-server-fixture.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const namespace = 'shop'
let client: MemoryKubeClient
let gets: string[]
let reachable: boolean
let now: number
let monotonic: number

beforeEach(() => {
  client = createMemoryKubeClient()
  gets = []
  reachable = true
  now = Date.now()
  monotonic = 0
})

/** The client, counting what is looked up one by one. */
const counting = (): KubeClient => ({
  ...client,
  get: async (resource, ref, options) => {
    gets.push(`${resource.plural}/${ref.name}`)
    // Long enough for concurrent calls to meet the pending read.
    await new Promise((resolve) => setTimeout(resolve, 2))
    if (!reachable) throw new Error('away')
    return client.get(resource, ref, options)
  },
})

function create({ namespaces = [] as string[] } = {}) {
  const logger = recordingLogger()
  const clock = { now: () => now, monotonic: () => monotonic }
  return { objects: new BoundObjectCache({ client: counting(), namespaces, logger, clock }), logger }
}

/** One that has listed and watches. */
async function watching(options = {}) {
  const made = create(options)
  const stop = new AbortController()
  const running = made.objects.run(stop.signal)
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  await eventually(() => expect(made.objects.hasSynced).toBe(true))
  return made
}

const make = async (resource: Resource, name: string, where = namespace) => {
  const { metadata } = await client.create<KubeObject>(resource, {
    metadata: { name, namespace: where, annotations: { big: 'x'.repeat(1000) }, labels: { app: 'x' } },
  })
  return { name, uid: metadata.uid ?? '' }
}

async function podAndAccount(where = namespace) {
  return {
    namespace: where,
    account: await make(resources.serviceAccounts, 'orders', where),
    pod: await make(resources.pods, 'orders-1', where),
  }
}

describe('BoundObjectCache', () => {
  it('knows listed objects by uid, without a request', async () => {
    const bound = await podAndAccount()
    const { objects } = await watching()
    expect(objects.areKnown(bound)).toBe(true)
    expect(objects.areKnown({ ...bound, pod: { ...bound.pod, uid: 'other' } })).toBe(false)
    expect(objects.areKnown({ ...bound, account: { ...bound.account, uid: 'other' } })).toBe(false)
    expect(objects.areKnown({ ...bound, namespace: 'billing' })).toBe(false)
    expect([await objects.look(bound), gets]).toEqual(['present', []])
  })

  it('hears of what comes and goes, and of an account that is made anew', async () => {
    const { objects } = await watching()
    const bound = await podAndAccount()
    await eventually(() => expect(objects.areKnown(bound)).toBe(true))
    await client.delete(resources.serviceAccounts, { namespace, name: 'orders' })
    await make(resources.serviceAccounts, 'orders')
    await eventually(() => expect(objects.areKnown(bound)).toBe(false))
    expect(await objects.look(bound)).toBe('absent')
    const next = await podAndAccount('next')
    await eventually(() => expect(objects.areKnown(next)).toBe(true))
    await client.delete(resources.pods, { namespace: 'next', name: 'orders-1' })
    await eventually(() => expect(objects.areKnown(next)).toBe(false))
    expect(await objects.look(next)).toBe('absent')
  })

  it('looks for what it does not know, once for all who ask', async () => {
    const { objects } = create()
    const bound = await podAndAccount()
    const answers = await Promise.all(Array.from({ length: 20 }, () => objects.look(bound)))
    expect(new Set(answers)).toEqual(new Set(['present']))
    expect(gets.sort()).toEqual(['pods/orders-1', 'serviceaccounts/orders'])
    expect(objects.areKnown(bound)).toBe(true)
  })

  it('takes away with its first list what it had looked up and is gone', async () => {
    const { objects } = create()
    const bound = await podAndAccount()
    await objects.look(bound)
    await client.delete(resources.pods, { namespace, name: 'orders-1' })
    const stop = new AbortController()
    const running = objects.run(stop.signal)
    await eventually(() => expect(objects.hasSynced).toBe(true))
    expect(objects.areKnown(bound)).toBe(false)
    stop.abort()
    await running
  })

  it('believes for five seconds that something is not there', async () => {
    const { objects } = await watching()
    const bound = { namespace, account: { name: 'orders', uid: 'a' }, pod: { name: 'orders-1', uid: 'p' } }
    for (let count = 0; count < 10; count += 1) expect(await objects.look(bound)).toBe('absent')
    expect(gets).toHaveLength(2)
    monotonic = 5 * SECOND - 1
    expect([await objects.look(bound), gets.length]).toEqual(['absent', 2])
    monotonic = 5 * SECOND
    expect([await objects.look(bound), gets.length]).toEqual(['absent', 4])
  })

  it('says that a pod of another uid is not the one', async () => {
    const { objects } = create()
    const bound = await podAndAccount()
    expect(await objects.look({ ...bound, pod: { ...bound.pod, uid: 'other' } })).toBe('absent')
  })

  it('I6: goes on with what it knows while the API server is away, and cannot tell of anything else', async () => {
    const bound = await podAndAccount()
    const { objects, logger } = await watching()
    reachable = false
    expect(objects.areKnown(bound)).toBe(true)
    const other = { ...bound, pod: { name: 'orders-2', uid: 'other' } }
    for (let count = 0; count < 3; count += 1) expect(await objects.look(other)).toBe('unknown')
    expect(logger.lines.filter((line) => line.includes('cannot read the object'))).toHaveLength(1)
    reachable = true
    expect(await objects.look(other)).toBe('absent')
  })

  it('says that one part is gone, though the other cannot be looked up', async () => {
    const { objects } = create()
    const bound = await podAndAccount()
    await objects.look({ ...bound, pod: { ...bound.pod, uid: 'gone' } })
    reachable = false
    expect(await objects.look({ ...bound, pod: { ...bound.pod, uid: 'gone' } })).toBe('absent')
  })

  it('cannot tell more than 32 things at a time', async () => {
    const { objects } = create()
    const others = Array.from({ length: 100 }, (_, index) => ({
      namespace,
      account: { name: 'orders', uid: 'a' },
      pod: { name: `orders-${index}`, uid: 'p' },
    }))
    await Promise.all(others.map((other) => objects.look(other)))
    expect(gets).toHaveLength(32)
  })

  it('takes what is being deleted for gone a minute after the end of its grace', async () => {
    const { metadata } = await client.create<KubeObject>(resources.pods, {
      metadata: { name: 'stuck', namespace, deletionTimestamp: new Date(now + 30 * SECOND).toISOString() },
    })
    const account = await make(resources.serviceAccounts, 'orders')
    const bound = { namespace, account, pod: { name: 'stuck', uid: metadata.uid ?? '' } }
    const { objects } = await watching()
    now += 90 * SECOND
    expect(objects.areKnown(bound)).toBe(true)
    now += SECOND
    expect([objects.areKnown(bound), await objects.look(bound)]).toEqual([false, 'absent'])
  })

  it('I8: looks only where identities are served', async () => {
    const bound = await podAndAccount()
    const elsewhere = await podAndAccount('billing')
    const { objects } = await watching({ namespaces: [namespace] })
    expect([objects.areKnown(bound), objects.areKnown(elsewhere)]).toEqual([true, false])
    expect([await objects.look(elsewhere), gets]).toEqual(['absent', []])
    expect(objects.pods).toBe(1)
  })
})
