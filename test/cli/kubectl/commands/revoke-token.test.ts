import { describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../../../src/api/v1alpha1/types.ts'
import { makeToken } from '../../../builders/token.ts'
import { PluginHarness } from '../../../builders/kubectl-plugin.ts'

async function orders(): Promise<PluginHarness> {
  const plugin = new PluginHarness()
  await plugin.identity('orders')
  plugin.meanwhile = () => plugin.judge('True', 'Revoked')
  return plugin
}
const specOf = (plugin: PluginHarness): TokenRevocation['spec'] | undefined => plugin.revocations()[0]?.spec

describe('kubectl signet revoke-token', () => {
  it('revokes a token by its ID and waits until that is applied', async () => {
    const plugin = await orders()
    const { code, out } = await plugin.run(
      'revoke-token',
      'orders',
      '--token-id',
      'token-1',
      '--reason',
      'logged',
      '-y',
    )
    expect(code).toBe(0)
    expect(specOf(plugin)).toEqual({ identity: 'orders', tokenID: 'token-1', reason: 'logged' })
    expect(out).toContain('token token-1 of shop/orders revoked in 0.2 s\n')
  })

  it('takes a token ID that begins with a dash and a letter that is a flag', async () => {
    const plugin = await orders()
    await plugin.run('revoke-token', 'orders', '--token-id', '-nAbC', '-y')
    expect(specOf(plugin)?.tokenID).toBe('-nAbC')
    expect(plugin.flags[0]).not.toHaveProperty('namespace')
  })

  it('revokes what was issued before a time', async () => {
    const plugin = await orders()
    const given = ['revoke-token', 'orders', '--issued-before', '2026-05-31T23:00:00+01:00', '-y', '--wait=false']
    expect(await plugin.run(...given)).toMatchObject({ code: 0 })
    expect(specOf(plugin)).toEqual({ identity: 'orders', issuedBefore: '2026-05-31T22:00:00Z' })
  })

  it.each(['-', 'leaked.jwt'])('sends nothing but the jti of the token in %s', async (file) => {
    const plugin = await orders()
    const token = await makeToken()
    plugin.files[file] = `${token}\n`
    const { code, out, err } = await plugin.run('revoke-token', 'orders', '--token', file, '-y')
    expect(code).toBe(0)
    expect(specOf(plugin)).toEqual({ identity: 'orders', tokenID: 'token-1' })
    for (const part of token.split('.')) expect(out + err + JSON.stringify(plugin.revocations())).not.toContain(part)
    expect(err).toBe('According to its claim exp, the token has already expired.\n')
  })

  it.each([
    [
      'of another identity',
      { sub: 'spiffe://cluster.local/ns/shop/sa/payments' },
      'has subject spiffe://cluster.local/ns/shop/sa/payments, but shop/orders has subject spiffe://cluster.local/ns/shop/sa/orders',
    ],
    ['without a subject', { sub: undefined }, 'has no subject, but shop/orders has'],
    ['without a jti', { jti: undefined }, 'has no jti'],
    ['whose jti would rewrite the screen', { jti: '\u001B[2J' }, 'has no jti'],
  ])('refuses a token %s', async (_, claims, message) => {
    const plugin = await orders()
    plugin.files['leaked.jwt'] = await makeToken({ claims })
    const { code, err } = await plugin.run('revoke-token', 'orders', '--token', 'leaked.jwt', '-y')
    expect(code).toBe(1)
    expect(err).toContain(message)
    expect(plugin.revocations()).toEqual([])
  })

  it('asks first, naming what is revoked', async () => {
    const plugin = await orders()
    plugin.interactive = true
    await plugin.run('revoke-token', 'orders', '--issued-before', 'now')
    expect(plugin.questions[0]).toContain('Revoke tokens issued before 2026-06-01T00:00:00Z of shop/orders?')
    expect(plugin.revocations()).toEqual([])
  })

  it.each([
    ['none of the three', []],
    ['two of them', ['--token-id', 'a', '--issued-before', 'now']],
    ['an empty token ID', ['--token-id', '']],
    ['what is no token ID', ['--token-id', 'a b']],
    ['no time', ['--issued-before', 'yesterday']],
  ])('refuses %s before anything is asked or sent', async (_, given) => {
    const plugin = await orders()
    plugin.interactive = true
    expect(await plugin.run('revoke-token', 'orders', ...given)).toMatchObject({ code: 2, out: '' })
    expect(plugin.questions).toEqual([])
    expect(plugin.revocations()).toEqual([])
  })
})
