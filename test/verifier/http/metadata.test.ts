import { describe, expect, it } from 'vitest'
import { openidConfiguration } from '../../../src/authority/documents/discovery.ts'
import { parseIssuer } from '../../../src/identity/issuer.ts'
import { metadataUrl, parseMetadata } from '../../../src/verifier/http/metadata.ts'

const issuer = parseIssuer('https://issuer.example/ns/shop')
const document = openidConfiguration(issuer.issuer, 'https://issuer.example')

describe('the discovery document', () => {
  it('is behind the path of the issuer and says where the keys are, and the token endpoint', () => {
    expect(metadataUrl(issuer)).toBe('https://issuer.example/ns/shop/.well-known/openid-configuration')
    expect(parseMetadata(JSON.stringify(document), issuer)).toEqual({
      jwksUri: 'https://issuer.example/ns/shop/jwks.json',
      tokenEndpoint: 'https://issuer.example/token',
    })
  })

  it.each([undefined, 'https://tokens.example/token', 'http://issuer.example/token', ['https://issuer.example/token']])(
    'says where tokens are asked for, unless that is elsewhere: %s',
    (endpoint) => {
      const text = JSON.stringify({ ...document, token_endpoint: endpoint })
      expect(parseMetadata(text, issuer).tokenEndpoint).toBeUndefined()
    },
  )

  it.each<[string, unknown]>([
    ['of another issuer', { ...document, issuer: 'https://issuer.example' }],
    ['of the issuer with a slash', { ...document, issuer: `${issuer.issuer}/` }],
    ['without an issuer', { ...document, issuer: undefined }],
    ['with keys elsewhere', { ...document, jwks_uri: 'https://keys.example/jwks.json' }],
    ['with keys in the clear', { ...document, jwks_uri: 'http://issuer.example/jwks.json' }],
    ['without keys', { ...document, jwks_uri: undefined }],
    ['that is a list', [document]],
  ])('%s is refused', (_, value) => {
    expect(() => parseMetadata(JSON.stringify(value), issuer)).toThrow(
      expect.objectContaining({ code: 'ERR_FETCH_CONTENT' }),
    )
  })

  it('is refused with a member twice', () => {
    const text = `{"issuer":"${issuer.issuer}","jwks_uri":"https://issuer.example/a","jwks_uri":"https://issuer.example/b"}`
    expect(() => parseMetadata(text, issuer)).toThrow(expect.objectContaining({ code: 'ERR_FETCH_CONTENT' }))
  })
})
