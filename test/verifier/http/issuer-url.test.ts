import { describe, expect, it } from 'vitest'
import { isOfIssuer, parseIssuerUrl } from '../../../src/verifier/http/issuer-url.ts'

describe('the URL of an issuer', () => {
  it.each([
    ['https://issuer.example', 'https://issuer.example'],
    ['https://issuer.example/', 'https://issuer.example'],
    ['https://issuer.example:8443/ns/shop', 'https://issuer.example:8443/ns/shop'],
  ])('%s is kept byte by byte', (issuer, base) => {
    expect(parseIssuerUrl(issuer)).toEqual({ issuer, base, origin: new URL(issuer).origin })
  })

  it.each([
    'http://issuer.example',
    'http://127.0.0.1',
    'ftp://issuer.example',
    'file:///etc/passwd',
    'https://user@issuer.example',
    'https://issuer.example?x',
    'https://issuer.example#x',
    'https://ISSUER.example',
    'https://issuer.example:443',
    'https://issuer.example/a/../b',
    ' https://issuer.example',
    'issuer',
  ])('%s is refused', (issuer) => {
    expect(() => parseIssuerUrl(issuer)).toThrow(TypeError)
  })

  it('may be in the clear for tests, on this machine only', () => {
    for (const issuer of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1']) {
      expect(parseIssuerUrl(issuer, { allowHttpLoopback: true }).issuer).toBe(issuer)
    }
    for (const issuer of ['http://127.0.0.1.example', 'http://localhost.example', 'http://10.0.0.1']) {
      expect(() => parseIssuerUrl(issuer, { allowHttpLoopback: true })).toThrow(TypeError)
    }
  })
})

describe('a URL that an issuer names', () => {
  const issuer = parseIssuerUrl('https://issuer.example/ns/shop')
  it('has to be on its own origin', () => {
    expect(isOfIssuer('https://issuer.example/jwks.json', issuer)).toBe(true)
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
      expect(isOfIssuer(url, issuer), String(url)).toBe(false)
    }
  })
})
