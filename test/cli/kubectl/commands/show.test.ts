import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../../src/kube/client/object.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { PluginHarness } from '../../../builders/kubectl-plugin.ts'

async function orders(): Promise<PluginHarness> {
  const plugin = new PluginHarness()
  await plugin.identity('orders')
  return plugin
}

describe('kubectl signet show', () => {
  it('shows keys, tokens and conditions', async () => {
    const { code, out } = await (await orders()).run('show', 'orders')
    expect(code).toBe(0)
    expect(out).toMatch(/^Name: +orders$/m)
    expect(out).toMatch(/^Rotation: +every 24h, published 1h ahead, next in (18|19|20)h$/m)
    expect(out).toMatch(/^Ready: +True \(Issued: as the test wants it\)$/m)
    expect(out).toMatch(/^key-1 +Active +ES256 +- +3h ago +- +-$/m)
    expect(out).toMatch(/^payments +payments +token-1 +key-1 +19m ago +in 8m +in 41m$/m)
    expect(out).not.toContain('Revocations')
  })

  it('shows the times themselves with -o wide', async () => {
    expect((await (await orders()).run('show', 'orders', '-o', 'wide')).out).toContain('2026-05-31T21:00:00Z')
  })

  it('shows the revocations of this identity alone', async () => {
    const plugin = await orders()
    const revocation = (name: string, identity: string, spec: object) =>
      plugin.client.create(resources.tokenRevocations, {
        metadata: { name, namespace: 'shop' },
        spec: { identity, ...spec },
      } as KubeObject)
    await revocation('r1', 'orders', { keyID: 'key-0', reason: 'lost' })
    await revocation('r2', 'orders', { issuedBefore: '2026-05-01T00:00:00Z' })
    await revocation('r3', 'payments', { tokenID: 'token-9' })
    await plugin.judge('True', 'Revoked')
    const { out } = await plugin.run('show', 'orders')
    expect(out).toMatch(/^r1 +key key-0 +True +lost/m)
    expect(out).toMatch(/^r2 +tokens issued before 2026-05-01T00:00:00Z +True +-/m)
    expect(out).not.toContain('r3')
  })

  it.each([403, 404])('does without revocations where they cannot be listed (%d)', async (status) => {
    const plugin = await orders()
    plugin.client.failOnce('list', resources.tokenRevocations, { status, reason: 'as the test wants it' })
    expect(await plugin.run('show', 'orders')).toMatchObject({ code: 0, err: '' })
  })

  it('gives the resource with -o yaml', async () => {
    const { out } = await (await orders()).run('show', 'orders', '-o', 'yaml')
    expect(out).toContain('\nstatus:\n  subject: spiffe://cluster.local/ns/shop/sa/orders\n')
  })

  it('asks for no more than a name where nothing of it is there yet', async () => {
    const plugin = new PluginHarness()
    await plugin.client.create(resources.serviceIdentities, {
      metadata: { name: 'fresh', namespace: 'shop' },
      spec: {},
    } as KubeObject)
    const { code, out } = await plugin.run('show', 'fresh')
    expect(code).toBe(0)
    expect(out).toContain('Keys:\nnone\n')
  })

  it('names the identity that may have been meant', async () => {
    expect(await (await orders()).run('show', 'order')).toEqual({
      code: 1,
      out: '',
      err: 'kubectl signet: no ServiceIdentity order in namespace shop; did you mean orders?\n',
    })
  })

  it('tells a missing kind from a missing identity', async () => {
    const plugin = new PluginHarness()
    plugin.client.failOnce('list', resources.serviceIdentities, { status: 404, reason: 'NotFound' })
    expect((await plugin.run('show', 'orders')).err).toContain('does not serve ServiceIdentities: install Signet')
  })

  it('says that there is no such identity also where names may not be listed', async () => {
    const plugin = new PluginHarness()
    plugin.client.failOnce('list', resources.serviceIdentities, { status: 403, reason: 'Forbidden' })
    expect((await plugin.run('show', 'orders')).err).toBe(
      'kubectl signet: no ServiceIdentity orders in namespace shop\n',
    )
  })
})
