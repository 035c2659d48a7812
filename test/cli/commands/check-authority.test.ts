import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { checkAuthority } from '../../../src/cli/commands/check-authority.ts'
import { FakeAuthority } from '../../fakes/authority.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const openid = '/.well-known/openid-configuration'
let authority: FakeAuthority
let directory: string
let caFile: string

beforeAll(async () => {
  authority = await FakeAuthority.start()
  authority.keys = [keys.ES256.publicJwk]
  directory = await mkdtemp(join(tmpdir(), 'signet-check-'))
  caFile = join(directory, 'ca.crt')
  await writeFile(caFile, authority.ca)
})
afterEach(() => authority.instead.clear())
afterAll(async () => {
  await authority.stop()
  await rm(directory, { recursive: true })
})

const check = () => checkAuthority({ url: authority.issuer, caFile })

it('says how many keys an authority serves', async () => {
  await expect(check()).resolves.toBe(`${authority.issuer} serves 1 public key`)
})

it('says what is wrong', async () => {
  authority.instead.set(openid, (_, response) => response.writeHead(503).end())
  await expect(check()).rejects.toThrow(`${authority.issuer}${openid} answered 503`)
  authority.instead.set(openid, (_, response) => response.end(JSON.stringify({ issuer: 'https://other.example' })))
  await expect(check()).rejects.toThrow('names another issuer: https://other.example')
  authority.instead.set(openid, (_, response) => response.end(JSON.stringify({ issuer: authority.issuer })))
  await expect(check()).rejects.toThrow('has no jwks_uri')
})

it('takes an answer that switches protocols for none', async () => {
  authority.instead.set(openid, (request) =>
    request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
  )
  await expect(check()).rejects.toThrow(`${authority.issuer}${openid} answered 101`)
})
