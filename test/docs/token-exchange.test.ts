import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeToken } from '../../src/tokens/decode.ts'
import { accountToken } from '../builders/account-token.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import { DocumentedAuthority, readPage } from '../builders/documented-authority.ts'

/** Every command of docs/guides/token-exchange.md, against an authority over HTTPS. */
const { text, commands } = await readPage('guides/token-exchange.md')
const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(text) ?? []

// The same caller that asks for the same gets the same token again, which a running clock would show by what is left.
const now = Date.now()

let authority: DocumentedAuthority

beforeAll(async () => {
  authority = await DocumentedAuthority.start({ clock: { now: () => now, monotonic: () => performance.now() } })
  await authority.write('account', await accountToken({ now, claims: { aud: [authority.issuer] } }))
}, 120_000)
afterAll(() => authority.close())

describe('docs/guides/token-exchange.md', () => {
  it('shows both grants', () => {
    expect(commands.map((command) => /grant_type=(\S+)/.exec(command)?.[1])).toEqual([
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'client_credentials',
    ])
  })

  it.each(commands)('%s', async (command) => {
    const stdout = await authority.run(command, 'account')
    const { access_token: token, ...rest } = JSON.parse(stdout) as Record<string, unknown>
    const { access_token: _token, issued_token_type: type, ...others } = JSON.parse(shown) as Record<string, unknown>
    expect(rest).toEqual(command.includes('token-exchange') ? { ...others, issued_token_type: type } : others)
    expect(decodeToken(String(token)).claims).toMatchObject({ aud: 'payments' })
  })

  it('names every setting of the chart that it speaks of', async () => {
    const values = await readFile(join(projectDirectory, 'charts/signet/values.yaml'), 'utf8')
    for (const name of ['tokenExchange', 'lifetime', 'allowedScopes', 'rateLimits'])
      expect(values).toContain(`${name}:`)
  })
})
