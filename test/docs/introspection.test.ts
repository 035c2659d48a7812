import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountToken, boundTo } from '../builders/account-token.ts'
import { makeToken, subject } from '../builders/token.ts'
import { DocumentedAuthority, readPage } from '../builders/documented-authority.ts'

/** The commands of docs/guides/introspection.md, against an authority over HTTPS. */
const { commands } = await readPage('guides/introspection.md')
const [introspection = '', revocation = '', ...others] = commands

let authority: DocumentedAuthority

beforeAll(async () => {
  authority = await DocumentedAuthority.start()
  const iat = Math.floor(Date.now() / 1000)
  const token = await makeToken({ claims: { iss: authority.issuer, iat, nbf: iat, exp: iat + 600 } })
  for (const name of ['received', 'leaked']) await authority.write(name, token)
  for (const name of ['orders', 'payments']) {
    const proof = await accountToken({ bound: boundTo('shop', name), claims: { aud: [authority.issuer] } })
    await authority.write(name, proof)
  }
}, 120_000)
afterAll(() => authority.close())

const introspected = async (): Promise<unknown> => JSON.parse(await authority.run(introspection, 'payments'))

describe('docs/guides/introspection.md', () => {
  it('shows how the audience introspects a token, and how its owner revokes it', async () => {
    expect(others).toEqual([])
    expect(await introspected()).toMatchObject({ active: true, sub: subject, aud: 'payments' })
    await expect(authority.run(revocation, 'payments')).rejects.toThrow()
    expect(await authority.run(revocation, 'orders')).toBe('')
    expect(await introspected()).toEqual({ active: false })
  })
})
