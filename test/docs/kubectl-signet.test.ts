import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { resources } from '../../src/kube/client/resource.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { secretValue } from '../../src/kube/secrets/secret-codec.ts'
import { makeToken } from '../builders/token.ts'
import { PluginHarness } from '../builders/kubectl-plugin.ts'

const page = readFileSync(fileURLToPath(new URL('../../docs/operate/kubectl-signet.md', import.meta.url)), 'utf8')
const commands = ['list', 'show', 'rotate-key', 'revoke-key', 'revoke-token', 'decode']

/** The words of a command line of the page: quotes joined, comment and redirection left out. */
function words(line: string): string[] {
  const [command = ''] = line.split(/\s+#\s|\s<\s/)
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

const linesOf = (text: string): string[] => [...text.matchAll(/^ *kubectl signet (.+)$/gm)].map(([, line = '']) => line)

async function harness(): Promise<PluginHarness> {
  const plugin = new PluginHarness()
  plugin.interactive = true
  plugin.answer = 'yes'
  const token = await makeToken()
  for (const file of ['-', 'leaked.jwt', '/var/run/secrets/signet.dev/token']) plugin.files[file] = token
  await plugin.identity('orders')
  const keys = [...(plugin.status('orders').keys ?? []), { keyID: 'KEYID', state: 'Retired' as const }]
  await plugin.setStatus('orders', { ...plugin.status('orders'), keys })
  const data = { token: secretValue(token), 'payments.jwt': secretValue(token) }
  const metadata = { namespace: 'shop', name: 'signet.orders' }
  await plugin.client.create(resources.secrets, { metadata, data } as KubeObject)
  plugin.meanwhile = () => plugin.replaceKey('orders')
  return plugin
}

describe('the page of the plugin', () => {
  const lines = linesOf(page)

  it('shows every command', () => {
    const shown = new Set(lines.map((line) => line.split(' ')[0]))
    expect([...shown].sort()).toEqual([...commands].sort())
  })

  it.each(lines)('kubectl signet %s', async (line) => {
    const { code, err } = await (await harness()).run(...words(line))
    expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('kubectl signet:') as string })
  })
})

describe('the help', () => {
  it.each(commands)('of %s has examples, and they work', async (command) => {
    const { code, out } = await new PluginHarness().run(command, '--help')
    expect(code).toBe(0)
    const lines = linesOf(out.slice(out.indexOf('Examples:')))
    expect(lines.length).toBeGreaterThan(1)
    for (const line of lines) expect(await (await harness()).run(...words(line))).toMatchObject({ code: 0 })
  })
})
