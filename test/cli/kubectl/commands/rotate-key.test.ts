import { describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../../src/api/v1alpha1/types.ts'
import { rotateKeyAnnotation } from '../../../../src/identity/workload.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { PluginHarness } from '../../../builders/kubectl-plugin.ts'

const annotationOf = async ({ client }: PluginHarness): Promise<string | undefined> => {
  const ref = { namespace: 'shop', name: 'orders' }
  const identity = await client.get<ServiceIdentity>(resources.serviceIdentities, ref)
  return identity?.metadata.annotations?.[rotateKeyAnnotation]
}

describe('kubectl signet rotate-key', () => {
  it('asks for a new key by a fresh value each time, and says when that will sign', async () => {
    const plugin = new PluginHarness()
    await plugin.identity('orders')
    expect(await plugin.run('rotate-key', 'orders')).toEqual({
      code: 0,
      out: 'serviceidentity shop/orders: new key requested; it signs in 60m (2026-06-01T01:00:05Z), when verifiers have fetched it\n',
      err: '',
    })
    const first = await annotationOf(plugin)
    plugin.clock.advance(1)
    await plugin.run('rotate-key', 'orders')
    const second = await annotationOf(plugin)
    expect(first).toBe('2026-06-01T00:00:00.000Z')
    expect(second).not.toBe(first)
  })

  it('changes the annotation and nothing else', async () => {
    const plugin = new PluginHarness()
    await plugin.identity('orders')
    plugin.client.writes.length = 0
    const { out } = await plugin.run('rotate-key', 'orders', '-o', 'json')
    expect(plugin.client.writes).toEqual(['patch serviceidentities shop/orders'])
    const { spec, status, metadata } = JSON.parse(out) as ServiceIdentity
    expect(spec).toEqual({})
    expect(status).toEqual(plugin.status('orders'))
    expect(metadata.annotations).toEqual({ [rotateKeyAnnotation]: '2026-06-01T00:00:00.000Z' })
  })

  it('writes nothing where there is no such identity', async () => {
    const plugin = new PluginHarness()
    expect(await plugin.run('rotate-key', 'orders')).toMatchObject({ code: 1 })
    expect(plugin.client.writes).toEqual([])
  })
})
