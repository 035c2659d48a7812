import { describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../../../src/api/v1alpha1/types.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { PluginHarness } from '../../../builders/kubectl-plugin.ts'

async function orders(): Promise<PluginHarness> {
  const plugin = new PluginHarness()
  await plugin.identity('orders')
  plugin.meanwhile = () => plugin.replaceKey('orders')
  return plugin
}

describe('kubectl signet revoke-key', () => {
  it('revokes the key that signs, waits for the fresh one and says how long that took', async () => {
    const plugin = await orders()
    const { code, out, err } = await plugin.run('revoke-key', 'orders', '--reason', 'leaked', '--yes')
    expect([code, err]).toEqual([0, ''])
    const [revocation] = plugin.revocations()
    expect(revocation?.spec).toEqual({ identity: 'orders', keyID: 'key-1', reason: 'leaked' })
    expect(revocation?.metadata).toMatchObject({ generateName: 'orders-', namespace: 'shop' })
    expect(revocation?.metadata.name).toMatch(/^orders-./)
    expect(out).toBe(
      `tokenrevocation shop/${revocation?.metadata.name} created\n` +
        'key key-1 of shop/orders revoked in 0.2 s: key key-2 signs, 1 token is minted again\n',
    )
  })

  it('revokes another key that is named, and refuses one that the identity does not have', async () => {
    const plugin = await orders()
    const keys = [...(plugin.status('orders').keys ?? []), { keyID: 'key-0', state: 'Retired' as const }]
    await plugin.setStatus('orders', { ...plugin.status('orders'), keys })
    expect((await plugin.run('revoke-key', 'orders', 'key-9', '--yes')).err).toBe(
      'kubectl signet: shop/orders has no key key-9; it has: key-1 (Active), key-0 (Retired)\n',
    )
    expect(plugin.revocations()).toEqual([])
    expect(await plugin.run('revoke-key', 'orders', 'key-0', '--yes')).toMatchObject({ code: 0 })
    expect(plugin.revocations()[0]?.spec.keyID).toBe('key-0')
  })

  it('revokes a key whose ID begins with a dash', async () => {
    const keyID = `-n${'k'.repeat(41)}`
    const plugin = new PluginHarness()
    await plugin.identity('orders', { keys: [{ keyID, state: 'Active' }] })
    expect(await plugin.run('revoke-key', 'orders', keyID, '--wait=false', '-y')).toMatchObject({ code: 0 })
    expect(plugin.revocations()[0]?.spec.keyID).toBe(keyID)
  })

  it.each([
    ['no key signs', [], 'no key of shop/orders signs; it has none'],
    [
      'it is already revoked',
      [{ keyID: 'key-1', state: 'Revoked' as const }],
      'key key-1 of shop/orders is already revoked',
    ],
  ])('says so where %s', async (_, keys, message) => {
    const plugin = new PluginHarness()
    await plugin.identity('orders', { keys })
    const named = keys.map(({ keyID }) => keyID)
    expect(await plugin.run('revoke-key', 'orders', ...named, '--yes')).toMatchObject({
      code: 1,
      err: `kubectl signet: ${message}\n`,
    })
  })

  it('asks first, naming the key and what comes of it, and does nothing on "no"', async () => {
    const plugin = await orders()
    plugin.interactive = true
    plugin.answer = 'n'
    expect(await plugin.run('revoke-key', 'orders')).toEqual({
      code: 1,
      out: '',
      err: 'kubectl signet: nothing was revoked\n',
    })
    expect(plugin.questions[0]).toContain('Revoke key key-1 (Active) of shop/orders?')
    expect(plugin.revocations()).toEqual([])
    plugin.answer = 'y'
    expect(await plugin.run('revoke-key', 'orders')).toMatchObject({ code: 0 })
  })

  it('refuses without --yes where there is nobody to ask', async () => {
    const plugin = await orders()
    expect(await plugin.run('revoke-key', 'orders')).toMatchObject({ code: 2, out: '' })
    expect(plugin.revocations()).toEqual([])
  })

  it.each([
    ['the revocation is not applied', () => Promise.resolve(), 'the controller has not processed the revocation yet'],
    ['it cannot be', (plugin: PluginHarness) => plugin.judge('False', 'Unusable'), 'Unusable: as the test wants it'],
    ['no fresh key signs', (plugin: PluginHarness) => plugin.judge('True', 'Revoked'), 'no new key signs yet'],
    [
      'an old token is in the Secret',
      async (plugin: PluginHarness) => {
        await plugin.replaceKey('orders')
        const tokens = [plugin.token('payments', 'token-1', 'key-1')]
        await plugin.setStatus('orders', {
          ...plugin.status('orders'),
          keys: [{ keyID: 'key-2', state: 'Active' }],
          tokens,
        })
      },
      'not every token has been minted again yet',
    ],
  ])('says what is missing where, when time runs out, %s', async (_, meanwhile, missing) => {
    const plugin = await orders()
    plugin.meanwhile = () => meanwhile(plugin)
    const { code, err } = await plugin.run('revoke-key', 'orders', '--yes', '--timeout', '5s')
    const name = plugin.revocations()[0]?.metadata.name
    expect(code).toBe(1)
    expect(err).toBe(
      `kubectl signet: not done within 5s: ${missing}; the TokenRevocation still exists; see kubectl describe tokenrevocation ${name} --namespace shop\n`,
    )
  })

  it('does not wait with --wait=false, and gives the object with -o json alone on standard output', async () => {
    const plugin = await orders()
    plugin.meanwhile = () => Promise.reject(new TypeError('waited'))
    const { code, out, err } = await plugin.run('revoke-key', 'orders', '-y', '--wait=false', '-o', 'json')
    expect(code).toBe(0)
    expect((JSON.parse(out) as TokenRevocation).spec.keyID).toBe('key-1')
    expect(err).toMatch(/^tokenrevocation shop\/orders-.+ created\n$/)
  })

  it('gives the applied object with -o json after waiting', async () => {
    const { out } = await (await orders()).run('revoke-key', 'orders', '-y', '-o', 'json')
    expect((JSON.parse(out) as TokenRevocation).status?.conditions).toMatchObject([{ type: 'Applied', status: 'True' }])
  })

  it('says that nothing was revoked where the cluster does not know TokenRevocations', async () => {
    const plugin = await orders()
    plugin.client.failOnce('create', resources.tokenRevocations, { status: 404, reason: 'NotFound' })
    expect(await plugin.run('revoke-key', 'orders', '--yes')).toMatchObject({
      code: 1,
      err: 'kubectl signet: the cluster at https://api does not serve TokenRevocations, so nothing was revoked for shop/orders: upgrade Signet there\n',
    })
  })

  it('names what is forbidden, and where to look', async () => {
    const plugin = await orders()
    plugin.client.failOnce('create', resources.tokenRevocations, { status: 403, reason: 'Forbidden' })
    expect(await plugin.run('revoke-key', 'orders', '--yes')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot create tokenrevocations shop.*kubectl auth can-i --list/) as string,
    })
  })

  it.each([
    ['the identity', resources.serviceIdentities, 'shop/orders was deleted in the meantime, together with its keys'],
    ['the revocation', resources.tokenRevocations, 'was deleted before this command saw it applied'],
  ])('ends at once where %s is deleted meanwhile', async (_, resource, message) => {
    const plugin = await orders()
    plugin.meanwhile = async () => {
      await plugin.judge('True', 'Revoked')
      for (const { metadata } of plugin.client.storage.list(resource.plural)) {
        await plugin.client.delete(resource, { namespace: 'shop', name: metadata.name })
      }
    }
    const { code, err } = await plugin.run('revoke-key', 'orders', '--yes')
    expect(code).toBe(1)
    expect(err).toContain(message)
  })

  it.each([
    ['--timeout', 'soon'],
    ['--wait', 'maybe'],
    ['-o', 'wide'],
  ])('refuses %s %s', async (...flag) => {
    expect(await (await orders()).run('revoke-key', 'orders', '--yes', ...flag)).toMatchObject({ code: 2 })
  })
})
