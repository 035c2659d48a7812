import { describe, expect, it } from 'vitest'
import type { ServiceIdentity } from '../../../../src/api/v1alpha1/types.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { PluginHarness } from '../../../builders/kubectl-plugin.ts'

async function two(): Promise<PluginHarness> {
  const plugin = new PluginHarness()
  await plugin.identity('orders')
  await plugin.identity('ledger', { conditions: [], keys: [], tokens: [] }, 'bank')
  return plugin
}
const rows = (out: string): string[][] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {3,}/))

describe('kubectl signet list', () => {
  it('shows what each identity of the namespace has and when that changes', async () => {
    const { code, out } = await (await two()).run('list')
    expect(code).toBe(0)
    expect(rows(out)).toEqual([
      ['NAME', 'READY', 'ALGORITHM', 'KEYS', 'ROTATES', 'TOKENS', 'EXPIRES'],
      ['orders', 'True', 'ES256', '1', expect.stringMatching(/^in (18|19|20)h$/), '1', 'in 41m'],
    ])
  })

  it('shows all namespaces with -A, and an identity that has nothing yet', async () => {
    const { out } = await (await two()).run('list', '-A')
    expect(rows(out).map((row) => row.slice(0, 3))).toEqual([
      ['NAMESPACE', 'NAME', 'READY'],
      ['bank', 'ledger', '-'],
      ['shop', 'orders', 'True'],
    ])
  })

  it('adds reason, key and subject with -o wide', async () => {
    const [header, row] = rows((await (await two()).run('list', '-o', 'wide')).out)
    expect(header?.slice(7)).toEqual(['REASON', 'SIGNING KEY', 'SUBJECT'])
    expect(row?.slice(7)).toEqual(['Issued', 'key-1', 'spiffe://cluster.local/ns/shop/sa/orders'])
  })

  it('gives a List with -o json, without the record of who wrote which field', async () => {
    const plugin = await two()
    const patch = { metadata: { managedFields: [{ manager: 'somebody' }] } }
    const ref = { namespace: 'shop', name: 'orders' }
    await plugin.client.patch(resources.serviceIdentities, ref, patch, { type: 'merge' })
    const { out } = await plugin.run('list', '-o', 'json')
    const list = JSON.parse(out) as { kind: string; items: ServiceIdentity[] }
    expect(list.kind).toBe('List')
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['orders'])
    expect(list.items[0]).toMatchObject({ kind: 'ServiceIdentity', apiVersion: 'signet.dev/v1alpha1' })
    expect(out).not.toContain('managedFields')
  })

  it.each([
    [['-n', 'bank', 'list'], 'before'],
    [['list', '--namespace', 'bank'], 'behind'],
    [['-n', 'shop', 'list', '-n', 'bank'], 'on both sides of'],
  ])('takes the namespace %s: %s its name', async (given) => {
    expect((await (await two()).run(...given)).out).toContain('ledger')
  })

  it('says so where there is none, and that is no failure', async () => {
    const { code, out, err } = await new PluginHarness().run('list')
    expect([code, out, err]).toEqual([0, '', 'No identities found in namespace shop.\n'])
    expect((await new PluginHarness().run('list', '-A')).err).toBe('No identities found.\n')
    expect(JSON.parse((await new PluginHarness().run('list', '-o', 'json')).out)).toMatchObject({ items: [] })
  })

  it('says what to do where the cluster does not know the kind', async () => {
    const plugin = new PluginHarness()
    plugin.client.failOnce('list', resources.serviceIdentities, { status: 404, reason: 'NotFound' })
    const { code, err } = await plugin.run('list')
    expect([code, err]).toEqual([
      1,
      'kubectl signet: the cluster at https://api does not serve ServiceIdentities: install Signet there, or use another --context\n',
    ])
  })
})
