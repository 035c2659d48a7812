import { describe, expect, it } from 'vitest'
import { readClusterIssuer } from '../../../src/kube/service-accounts/cluster-issuer.ts'
import { clusterIssuer } from '../../builders/account-token.ts'
import { keys } from '../../fixtures/keys/keys.ts'

const { sub: _sub, ...rsa } = keys.RS256.publicJwk
const { sub: _other, ...ec } = keys.ES256.publicJwk
const configuration = { issuer: clusterIssuer, jwks_uri: 'https://elsewhere.example/jwks' }
const signal = new AbortController().signal

function read(documents: Record<string, unknown>) {
  const asked: string[] = []
  const client = {
    document: async (path: string) => {
      asked.push(path)
      return documents[path]
    },
  }
  return { asked, answer: readClusterIssuer(client, signal) }
}

const with_ = (set: unknown, about: unknown = configuration) =>
  read({ '/.well-known/openid-configuration': about, '/openid/v1/jwks': set })

describe('readClusterIssuer', () => {
  it('asks the API server itself, wherever its jwks_uri points', async () => {
    const { asked, answer } = with_({ keys: [rsa, ec] })
    expect(await answer).toEqual({ issuer: clusterIssuer, keys: [rsa, ec] })
    expect(asked.sort()).toEqual(['/.well-known/openid-configuration', '/openid/v1/jwks'])
  })

  it('leaves out keys that cannot be used, for those that can', async () => {
    const weak = { ...rsa, kid: 'weak', n: Buffer.alloc(128, 0xff).toString('base64url') }
    const foreign = { ...ec, kid: 'bound', sub: 'spiffe://a/ns/b/sa/c' }
    const unknown = { kty: 'EC', crv: 'P-521', kid: 'p521', alg: 'ES512', use: 'sig', x: 'AA', y: 'AA' }
    const { keys: read } = await with_({ keys: [weak, unknown, foreign, 'x', null, ec] }).answer
    expect(read).toEqual([ec])
  })

  it.each([
    ['no document', undefined, undefined],
    ['no issuer', { keys: [rsa] }, {}],
    ['an issuer that is no text', { keys: [rsa] }, { issuer: [clusterIssuer] }],
    ['no list', { keys: rsa }, configuration],
    ['no key', { keys: [] }, configuration],
    ['no key that can be used', { keys: ['x'] }, configuration],
    ['two keys of one kid', { keys: [rsa, { ...ec, kid: rsa.kid }] }, configuration],
    ['very many keys', { keys: Array.from({ length: 65 }, () => rsa) }, configuration],
  ])('refuses %s', async (_, set, about) => {
    await expect(with_(set, about).answer).rejects.toMatchObject({ code: 'ERR_CLUSTER_ISSUER' })
  })
})
