import { describe, expect, it } from 'vitest'
import { isIssuerPath, issuerAt, issuerOf, issuerPath, issuerScopes, parseIssuer } from '../../src/identity/issuer.ts'

const orders = { namespace: 'shop', name: 'orders' }

describe('issuerOf', () => {
  it.each([
    ['cluster', 'https://example.com/signet'],
    ['namespace', 'https://example.com/signet/ns/shop'],
    ['identity', 'https://example.com/signet/ns/shop/sa/orders'],
  ] as const)('in the scope %s is %s', (scope, issuer) => {
    expect(issuerOf('https://example.com/signet', scope, orders)).toBe(issuer)
  })

  it('keeps the base of the cluster byte by byte, and puts no second slash behind one', () => {
    expect(issuerOf('https://example.com/', 'cluster', orders)).toBe('https://example.com/')
    expect(issuerOf('https://example.com/', 'namespace', orders)).toBe('https://example.com/ns/shop')
    expect(issuerAt('https://example.com/', '')).toBe('https://example.com/')
  })
})

describe('isIssuerPath', () => {
  it('takes what issuerPath gives', () => {
    for (const scope of issuerScopes) expect(isIssuerPath(issuerPath(scope, orders))).toBe(true)
    const long = { namespace: 'n'.repeat(63), name: `${'a.'.repeat(126)}a` }
    expect(isIssuerPath(issuerPath('identity', long))).toBe(true)
  })

  it.each([
    '/',
    '/ns',
    '/ns/',
    '/ns/shop/',
    '/ns/Shop',
    '/ns/sh.op',
    '/ns/-shop',
    `/ns/${'n'.repeat(64)}`,
    '/ns/shop/sa',
    '/ns/shop/sa/',
    '/ns/shop/sa/orders/',
    '/ns/shop/sa/orders.',
    '/ns/shop/sa/%6frders',
    '/ns/shop/sa/../orders',
    '/ns/shop/sa/orders/sa/orders',
    '/sa/orders',
    '/ns/shop\n',
    'ns/shop',
  ])('refuses %j', (path) => {
    expect(isIssuerPath(path)).toBe(false)
  })
})

describe('parseIssuer', () => {
  it.each([
    ['https://signet-authority.signet-system.svc', 'https://signet-authority.signet-system.svc', ''],
    ['https://example.com:8443/signet/one', 'https://example.com:8443/signet/one', '/signet/one'],
    ['https://example.com/', 'https://example.com', ''],
    ['https://example.com/signet/', 'https://example.com/signet', '/signet'],
  ])('keeps %s byte by byte', (issuer, base, path) => {
    expect(parseIssuer(issuer)).toEqual({ issuer, base, path, origin: new URL(issuer).origin })
  })

  it.each([
    '',
    'signet',
    'http://example.com',
    'http://127.0.0.1',
    'ftp://example.com',
    'file:///etc/passwd',
    'https://example.com?a=b',
    'https://example.com/?',
    'https://example.com/#a',
    'https://user@example.com',
    'https://user:secret@example.com',
    'https://EXAMPLE.com',
    'https://example.com:443',
    'https://example.com/a/../b',
    ' https://example.com',
    'https://example.com/a b',
  ])('refuses %j', (issuer) => {
    expect(() => parseIssuer(issuer)).toThrow(TypeError)
  })

  it('accepts http on a loopback address for tests, and nowhere else', () => {
    for (const issuer of ['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1']) {
      expect(parseIssuer(issuer, { allowHttpLoopback: true }).issuer).toBe(issuer)
    }
    for (const issuer of ['http://127.0.0.1.example', 'http://localhost.example', 'http://10.0.0.1']) {
      expect(() => parseIssuer(issuer, { allowHttpLoopback: true })).toThrow(TypeError)
    }
  })
})
