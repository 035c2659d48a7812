import { describe, expect, it } from 'vitest'
import { authorizationServerMetadata, openidConfiguration } from '../../../src/authority/documents/discovery.ts'

const issuer = 'https://signet-authority.signet-system.svc'

const asking = {
  token_endpoint: 'https://signet-authority.signet-system.svc/token',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ['RS256', 'ES256', 'ES384'],
  grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'client_credentials'],
}

describe('openidConfiguration', () => {
  it('names the issuer byte by byte, and only what works', () => {
    expect(openidConfiguration(issuer, issuer)).toEqual({
      issuer: 'https://signet-authority.signet-system.svc',
      jwks_uri: 'https://signet-authority.signet-system.svc/jwks.json',
      ...asking,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'],
      claims_supported: ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'],
    })
  })

  it('keeps a slash at the end in the issuer and out of everything else', () => {
    expect(openidConfiguration('https://example.com/', 'https://example.com/')).toMatchObject({
      issuer: 'https://example.com/',
      jwks_uri: 'https://example.com/jwks.json',
      token_endpoint: 'https://example.com/token',
    })
  })
})

describe('authorizationServerMetadata', () => {
  it('names the endpoints of the cluster scope, none that does not exist and no empty list (RFC 8414 §2, §3.2)', () => {
    const algorithms = ['RS256', 'ES256', 'ES384']
    expect(authorizationServerMetadata(`${issuer}/ns/shop`, issuer)).toEqual({
      issuer: 'https://signet-authority.signet-system.svc/ns/shop',
      jwks_uri: 'https://signet-authority.signet-system.svc/ns/shop/jwks.json',
      ...asking,
      response_types_supported: ['id_token'],
      introspection_endpoint: 'https://signet-authority.signet-system.svc/introspect',
      introspection_endpoint_auth_methods_supported: ['private_key_jwt', 'Bearer'],
      introspection_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint: 'https://signet-authority.signet-system.svc/revoke',
      revocation_endpoint_auth_methods_supported: ['private_key_jwt'],
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    })
  })

  it('fits one packet uncompressed, of which there are two for each identity', () => {
    const identity = `${issuer}/ns/some-namespace/sa/some-account`
    expect(JSON.stringify(authorizationServerMetadata(identity, issuer)).length).toBeLessThan(1024)
  })
})
