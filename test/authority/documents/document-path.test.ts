import { describe, expect, it } from 'vitest'
import { locate } from '../../../src/authority/documents/document-path.ts'

const scopes = ['', '/ns/shop', '/ns/shop/sa/orders', '/ns/shop/sa/orders.v2']
const bases = ['', '/signet/one', '/ns/base', '/.well-known/oauth-authorization-server']

describe.each(bases)('below the base "%s"', (base) => {
  it.each(scopes)('finds the documents of the scope "%s" where either standard looks', (scope) => {
    const of = (path: string) => locate(base, path)
    expect(of(`${base}${scope}/jwks.json`)).toEqual({ endpoint: 'jwks', scope })
    expect(of(`${base}${scope}/.well-known/openid-configuration`)).toEqual({ endpoint: 'openid-configuration', scope })
    for (const path of [
      `/.well-known/oauth-authorization-server${base}${scope}`,
      `${base}${scope}/.well-known/oauth-authorization-server`,
    ]) {
      expect(of(path)).toEqual({ endpoint: 'oauth-authorization-server', scope })
    }
  })

  it('finds one bundle, that of the trust domain', () => {
    expect(locate(base, `${base}/bundle.json`)).toEqual({ endpoint: 'trust-bundle', scope: '' })
    expect(locate(base, `${base}/ns/shop/bundle.json`)).toBeUndefined()
  })

  it('finds one description of all', () => {
    expect(locate(base, `${base}/openapi.json`)).toEqual({ endpoint: 'openapi', scope: '' })
    expect(locate(base, `${base}/ns/shop/openapi.json`)).toBeUndefined()
  })
})

describe('locate', () => {
  it.each([
    '',
    '/',
    '/jwks',
    '/jwks.json/',
    '//jwks.json',
    '/JWKS.json',
    '/%6awks.json',
    '/ns/jwks.json',
    '/ns/shop/',
    '/ns/shop//jwks.json',
    '/ns/shop/sa/jwks.json',
    '/ns/SHOP/jwks.json',
    '/ns/shop/sa/orders/jwks.json/jwks.json',
    '/sa/orders/jwks.json',
    '/.well-known/oauth-authorization-server/',
    '/.well-known/oauth-authorization-server/ns/shop/',
    '/.well-known/oauth-authorization-server/token',
    '/.well-known/openid-configuration/ns/shop',
    '/__proto__',
    '/ns/__proto__/jwks.json',
  ])('finds nothing at "%s"', (path) => {
    expect(locate('', path)).toBeUndefined()
  })

  it('finds nothing outside of its base', () => {
    for (const path of [
      '/jwks.json',
      '/signet2/jwks.json',
      '/bundle.json',
      '/.well-known/oauth-authorization-server',
    ]) {
      expect(locate('/signet', path)).toBeUndefined()
    }
  })
})
