import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../../src/kube/client/object.ts'
import { resources } from '../../../../src/kube/client/resource.ts'
import { secretValue } from '../../../../src/kube/secrets/secret-codec.ts'
import { makeToken } from '../../../builders/token.ts'
import { PluginHarness, type Ran } from '../../../builders/kubectl-plugin.ts'

async function withToken(claims: Record<string, unknown> = {}): Promise<{ plugin: PluginHarness; token: string }> {
  const plugin = new PluginHarness()
  const token = await makeToken({ claims })
  plugin.files['-'] = `${token}\n`
  plugin.files['t.jwt'] = token
  return { plugin, token }
}

const shows = ({ out, err }: Ran, token: string): boolean => token.split('.').some((part) => (out + err).includes(part))

describe('kubectl signet decode', () => {
  it.each([[[]], [['-']], [['t.jwt']], [['-o', 'json']], [['-o', 'yaml']]])(
    'shows header and claims but no part of the token: %j',
    async (given) => {
      const { plugin, token } = await withToken()
      const ran = await plugin.run('decode', ...given)
      expect(ran.code).toBe(0)
      expect(ran.out).toContain('spiffe://cluster.local/ns/shop/sa/orders')
      expect(ran.out).toContain('ES256')
      expect(shows(ran, token)).toBe(false)
      expect(plugin.flags).toEqual([])
    },
  )

  it('writes times as people do, and says that nothing is verified', async () => {
    const { plugin } = await withToken({ exp: 1780272300 })
    const { out, err } = await plugin.run('decode')
    expect(out).toMatch(/^exp +1780272300 \(2026-06-01T00:05:00Z, in 5m\)$/m)
    expect(err).toBe('\nNothing of this has been verified.\n')
  })

  it('gives header and claims as they are with -o json', async () => {
    const { plugin } = await withToken({ team: 'checkout' })
    const { out } = await plugin.run('decode', '-o', 'json')
    expect(JSON.parse(out)).toMatchObject({ header: { typ: 'JWT' }, claims: { team: 'checkout', jti: 'token-1' } })
  })

  it.each([
    ['a number that is no time', { exp: 1e300 }, /^exp +1e\+300$/m],
    ['what would rewrite the screen', { team: '\u001B[2J' }, /^team +\uFFFD\[2J$/m],
  ])('survives %s', async (_, claims, expected) => {
    const { plugin } = await withToken(claims)
    expect((await plugin.run('decode')).out).toMatch(expected)
  })

  it.each([
    ['text', 'not a token at all', 1],
    ['an encrypted token', 'e30.e30.e30.e30.c2VjcmV0', 1],
    ['nothing', ' \n', 2],
  ])('refuses %s without repeating it', async (_, text, code) => {
    const plugin = new PluginHarness()
    plugin.files['-'] = text
    const ran = await plugin.run('decode')
    expect(ran.code).toBe(code)
    expect(ran.err).toContain('standard input')
    if (text.trim() !== '') expect(ran.out + ran.err).not.toContain(text)
  })

  it('refuses a token as its argument without repeating it', async () => {
    const { plugin, token } = await withToken()
    const ran = await plugin.run('decode', token)
    expect(ran.code).toBe(2)
    expect(shows(ran, token)).toBe(false)
  })

  it('says what to do where somebody sits at the terminal', async () => {
    const { plugin } = await withToken()
    plugin.interactive = true
    expect((await plugin.run('decode')).err).toContain('Paste the token')
  })

  describe('of an identity', () => {
    async function mounted(): Promise<{ plugin: PluginHarness; token: string }> {
      const { plugin } = await withToken()
      const token = await makeToken({ claims: { aud: 'ledger' } })
      await plugin.identity('orders')
      const data = { token: secretValue(await makeToken()), 'ledger.jwt': secretValue(token) }
      const metadata = { namespace: 'shop', name: 'signet.orders' }
      await plugin.client.create(resources.secrets, { metadata, data } as KubeObject)
      return { plugin, token }
    }

    it('reads the first token of its Secret, or the one that is named', async () => {
      const { plugin, token } = await mounted()
      expect((await plugin.run('decode', '--identity', 'orders')).out).toMatch(/^aud +payments$/m)
      const named = await plugin.run('decode', '--identity', 'orders', '--token-name', 'ledger')
      expect(named.out).toMatch(/^aud +ledger$/m)
      expect(shows(named, token)).toBe(false)
    })

    it.each([
      ['no such token', ['--token-name', 'x'], 1, 'Secret shop/signet.orders has no token x; it has: payments'],
      ['a file besides', ['t.jwt'], 2, 'use either a file or --identity'],
    ])('refuses %s', async (_, given, code, message) => {
      const { plugin } = await mounted()
      const ran = await plugin.run('decode', '--identity', 'orders', ...given)
      expect(ran).toMatchObject({ code, err: `kubectl signet: ${message}\n` })
    })

    it('says so where the Secret does not exist yet', async () => {
      const plugin = new PluginHarness()
      await plugin.identity('orders')
      expect((await plugin.run('decode', '--identity', 'orders')).err).toContain('does not exist yet')
    })

    it('refuses the name of a token without that of an identity', async () => {
      expect(await new PluginHarness().run('decode', '--token-name', 'x')).toMatchObject({ code: 2 })
    })
  })
})
