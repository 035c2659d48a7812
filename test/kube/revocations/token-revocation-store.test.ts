import { beforeEach, describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { HOUR } from '../../../src/time/duration.ts'
import type { KubeObject } from '../../../src/kube/client/object.ts'
import { resources } from '../../../src/kube/client/resource.ts'
import { TokenRevocationStore } from '../../../src/kube/revocations/token-revocation-store.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../../fakes/api-server-memory-client.ts'

const expiresAt = Date.parse('2026-06-01T00:00:00Z')
const token = { identity: { namespace: 'shop', name: 'orders' }, tokenID: 'token-1', expiresAt }

let client: MemoryKubeClient
let records: TokenRevocation[]
let store: TokenRevocationStore
beforeEach(() => {
  client = createMemoryKubeClient()
  records = []
  store = new TokenRevocationStore({ client, onRecord: (record) => records.push(record) })
})
const all = async () => (await client.list<TokenRevocation & KubeObject>(resources.tokenRevocations)).items

describe('TokenRevocationStore', () => {
  it("stores a TokenRevocation in the identity's own namespace, and tells of it", async () => {
    const ref = await store.add(token)
    expect(ref.namespace).toBe('shop')
    expect(ref.name).toMatch(/^token-[0-9a-f]{40}$/)
    const [record] = await all()
    expect(record?.metadata).toMatchObject(ref)
    expect(record?.spec).toEqual({
      identity: 'orders',
      tokenID: 'token-1',
      tokenExpiresAt: '2026-06-01T00:00:00Z',
      reason: 'revoked at the authority by its owner',
    })
    expect(records).toEqual([record])
  })

  it('is content with the record that is there, and tells of it again', async () => {
    const ref = await store.add(token)
    expect(await store.add(token)).toEqual(ref)
    expect(await all()).toHaveLength(1)
    expect(records).toHaveLength(2)
  })

  it('takes a write whose answer was lost for not done, and finds it done when asked again', async () => {
    const lost = new TokenRevocationStore({
      client: {
        ...client,
        create: async (resource, object, options) => {
          await client.create(resource, object, options)
          throw new Error('the answer was lost')
        },
      },
      onRecord: (record) => records.push(record),
    })
    await expect(lost.add(token)).rejects.toThrow('lost')
    expect(records).toEqual([])
    await store.add(token)
    expect(await all()).toHaveLength(1)
  })

  it.each<[string, object, object]>([
    ['names another token', {}, { tokenID: 'other' }],
    ['names another identity', {}, { identity: 'carts' }],
    ['names a key', {}, { tokenID: undefined, tokenExpiresAt: undefined, keyID: 'k' }],
    ['ends too soon', {}, { tokenExpiresAt: formatTime(expiresAt - HOUR) }],
    ['ends at a time that is none', {}, { tokenExpiresAt: 'later' }],
    ['is being deleted', { deletionTimestamp: formatTime(expiresAt), finalizers: ['a/b'] }, {}],
  ])('I5: creates another record if the name is used by one that %s', async (_, metadata, spec) => {
    const ref = await store.add(token)
    const [planted] = await all()
    if (planted === undefined) throw new Error('nothing is stored')
    await client.delete(resources.tokenRevocations, ref)
    const { name, namespace } = planted.metadata
    await client.create(resources.tokenRevocations, {
      ...planted,
      metadata: { name, namespace, ...metadata },
      spec: { ...planted.spec, ...spec },
    } as KubeObject)
    const other = await store.add(token)
    expect(other.name).toMatch(new RegExp(`^${ref.name}-[0-9a-f]{10}$`))
    expect((await all()).map(({ metadata: { name } }) => name)).toContain(other.name)
    expect(records.at(-1)?.spec.tokenID).toBe('token-1')
  })

  it('rejects where the API server does not store it, and tells of nothing', async () => {
    client.failOnce('create', resources.tokenRevocations, { status: 503, reason: 'ServiceUnavailable' })
    await expect(store.add(token)).rejects.toMatchObject({ code: 'ERR_KUBE_SERVICE_UNAVAILABLE' })
    client.failOnce('create', resources.tokenRevocations, { status: 409, reason: 'AlreadyExists' })
    client.failOnce('get', resources.tokenRevocations, { status: 0, reason: 'Unreachable' })
    await expect(store.add(token)).rejects.toMatchObject({ code: 'ERR_KUBE_UNREACHABLE' })
    expect(records).toEqual([])
  })

  it('looks at one record, and tells of it where there is one', async () => {
    const ref = await store.add(token)
    records = []
    expect(await store.look({ ...ref, name: 'token-none' })).toBe(false)
    expect(records).toEqual([])
    expect(await store.look(ref)).toBe(true)
    expect(records).toHaveLength(1)
  })

  it('names different tokens differently, also those whose names run together', async () => {
    const names = await Promise.all(
      [
        ['shop', 'orders', 'a'],
        ['shop', 'orders', 'b'],
        ['shop', 'orders.a', 'b'],
        ['shop2', 'orders', 'a'],
      ].map(async ([namespace = '', name = '', tokenID = '']) => {
        const ref = await store.add({ identity: { namespace, name }, tokenID, expiresAt })
        return ref.name
      }),
    )
    expect(new Set(names).size).toBe(4)
  })
})
