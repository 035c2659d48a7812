import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeToken } from '../../src/tokens/decode.ts'
import { accountToken, clusterIssuer } from '../builders/account-token.ts'
import { run } from '../cluster/command.ts'
import { silent } from '../cluster/log.ts'
import { ensurePackages } from '../cluster/packages.ts'
import { projectDirectory } from '../cluster/paths.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { type RunningAuthority, startAuthority } from './running-authority.ts'

/** Every command of docs/token-exchange.md, against an authority over HTTPS. */
const page = await readFile(join(projectDirectory, 'docs/token-exchange.md'), 'utf8')
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, command = '']) => command)
const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []

// The same caller that asks for the same gets the same token again, which a running clock would show by what is left.
const now = Date.now()

let authority: RunningAuthority
let directory: string

beforeAll(async () => {
  await ensurePackages(['curl'], silent)
  directory = await mkdtemp(join(tmpdir(), 'signet-docs-'))
  authority = await startAuthority({
    clusterKeys: { issuer: clusterIssuer, key: () => keys.RS256.publicJwk, lookAgain: async () => true },
    objects: { areKnown: () => true, look: async () => 'present' },
    identities: { ready: () => true, exists: () => true },
    clock: { now: () => now, monotonic: () => performance.now() },
  })
  await writeFile(join(directory, 'ca.crt'), authority.trustBundle)
  await writeFile(join(directory, 'account'), await accountToken({ now, claims: { aud: [authority.issuer] } }))
}, 120_000)
afterAll(async () => {
  await authority.close()
  await rm(directory, { recursive: true })
})

describe('docs/token-exchange.md', () => {
  it('shows both grants', () => {
    expect(commands.map((command) => /grant_type=(\S+)/.exec(command)?.[1])).toEqual([
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'client_credentials',
    ])
  })

  it.each(commands)('%s', async (command) => {
    const here = command.replace('/var/run/secrets/account/token', join(directory, 'account'))
    expect(here).not.toBe(command)
    const settings = `SIGNET_DIR='${directory}' SIGNET_ISSUER='${authority.issuer}' no_proxy=localhost`
    const { stdout } = await run('sh', ['-ec', `export ${settings}\n${here}`])
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
