import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountToken, boundTo, clusterIssuer } from '../builders/account-token.ts'
import { run } from '../cluster/command.ts'
import { silent } from '../cluster/log.ts'
import { ensurePackages } from '../cluster/packages.ts'
import { projectDirectory } from '../cluster/paths.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken, subject } from '../tokens/make-token.ts'
import { type RunningAuthority, startAuthority } from './running-authority.ts'

/** The commands of docs/introspection.md, against an authority over HTTPS. */
const page = await readFile(join(projectDirectory, 'docs/introspection.md'), 'utf8')
const [introspection = '', revocation = '', ...others] = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(
  ([, command = '']) => command,
)

let authority: RunningAuthority
let directory: string

beforeAll(async () => {
  await ensurePackages(['curl'], silent)
  directory = await mkdtemp(join(tmpdir(), 'signet-docs-'))
  authority = await startAuthority({
    clusterKeys: { issuer: clusterIssuer, key: () => keys.RS256.publicJwk, lookAgain: async () => true },
    objects: { areKnown: () => true, look: async () => 'present' },
    identities: { ready: () => true, exists: () => true },
  })
  const iat = Math.floor(Date.now() / 1000)
  const token = await makeToken({ claims: { iss: authority.issuer, iat, nbf: iat, exp: iat + 600 } })
  const proof = (name: string) => accountToken({ bound: boundTo('shop', name), claims: { aud: [authority.issuer] } })
  const files = {
    'ca.crt': authority.trustBundle,
    received: token,
    leaked: token,
    orders: await proof('orders'),
    payments: await proof('payments'),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
}, 120_000)
afterAll(async () => {
  await authority.close()
  await rm(directory, { recursive: true })
})

/** What a command prints in the pod of this identity. */
async function inPodOf(name: 'orders' | 'payments', command: string): Promise<string> {
  const here = command.replace('/var/run/secrets/account/token', name)
  expect(here).not.toBe(command)
  const settings = `SIGNET_DIR='${directory}' SIGNET_ISSUER='${authority.issuer}' no_proxy=localhost`
  return (await run('sh', ['-ec', `cd '${directory}'\nexport ${settings}\n${here}`])).stdout
}
const introspected = async (): Promise<unknown> => JSON.parse(await inPodOf('payments', introspection))

describe('docs/introspection.md', () => {
  it('shows how whom a token is for asks about it, and its owner revokes it', async () => {
    expect(others).toEqual([])
    expect(await introspected()).toMatchObject({ active: true, sub: subject, aud: 'payments' })
    await expect(inPodOf('payments', revocation)).rejects.toThrow()
    expect(await inPodOf('orders', revocation)).toBe('')
    expect(await introspected()).toEqual({ active: false })
  })
})
