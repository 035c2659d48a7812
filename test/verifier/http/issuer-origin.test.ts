import { describe, expect, it } from 'vitest'
import { isOnIssuerOrigin } from '../../../src/verifier/http/issuer-origin.ts'
import { parseIssuer } from '../../../src/identity/issuer.ts'

describe('a URL that an issuer names', () => {
  const issuer = parseIssuer('https://issuer.example/ns/shop')
  it('has to be on its own origin', () => {
    expect(isOnIssuerOrigin('https://issuer.example/jwks.json', issuer)).toBe(true)
    for (const url of [
      'https://other.example/jwks.json',
      'https://issuer.example:8443/jwks.json',
      'http://issuer.example/jwks.json',
      'https://user@issuer.example/jwks.json',
      'https://issuer.example/jwks.json#x',
      'https://issuer.example.other.example/jwks.json',
      '/jwks.json',
      `https://issuer.example/${'x'.repeat(2048)}`,
      undefined,
      ['https://issuer.example/jwks.json'],
    ]) {
      expect(isOnIssuerOrigin(url, issuer), String(url)).toBe(false)
    }
  })
})
