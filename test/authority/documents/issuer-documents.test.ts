import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Document } from '../../../src/authority/documents/document.ts'
import { IssuerDocuments } from '../../../src/authority/documents/issuer-documents.ts'
import { algorithms } from '../../../src/keys/algorithm.ts'
import type { IdentityKeys } from '../../../src/keys/identity-keys.ts'
import { serializeJwks } from '../../../src/keys/jwks.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { keysOf, stored } from '../../fakes/public-key-source.ts'

const base = 'https://signet-authority.signet-system.svc'
const orders = keysOf('shop/orders', keys.ES256.publicJwk, keys.ES384.publicJwk)
const payments = keysOf('shop/payments', keys.EdDSA.publicJwk)
const ledger = keysOf('billing/ledger', keys.RS256.publicJwk)
const everything = [orders, payments, ledger]
const paths = ['', '/ns/shop', '/ns/billing', '/ns/shop/sa/orders', '/ns/shop/sa/payments', '/ns/billing/sa/ledger']

let issuers: IssuerDocuments
beforeEach(() => {
  issuers = new IssuerDocuments(base)
})

const textOf = (document: Document | undefined) => document?.plain.body.toString()
const jwksOf = (scope: string) => textOf(issuers.get(scope, 'jwks'))
const setOf = (...identities: readonly IdentityKeys[]) => serializeJwks(identities.flatMap((one) => one.keys))
const bundle = () =>
  JSON.parse(textOf(issuers.get('', 'trust-bundle')) ?? '{}') as { keys: { kid: string }[]; spiffe_sequence: number }
/** Every document there is, to be compared with what is there later. */
const documents = () =>
  new Map(
    paths.flatMap((scope) =>
      (['jwks', 'openid-configuration', 'oauth-authorization-server', 'trust-bundle'] as const).map(
        (endpoint) => [`${scope} ${endpoint}`, issuers.get(scope, endpoint)] as const,
      ),
    ),
  )
const changedSince = (before: ReturnType<typeof documents>) =>
  [...documents()].filter(([name, document]) => document !== before.get(name)).map(([name]) => name)

describe('IssuerDocuments', () => {
  it('I1: shows each key at the cluster, its namespace, its identity and in the bundle, and nowhere else', async () => {
    await issuers.show(stored(everything), 7)
    expect(Object.fromEntries(paths.map((scope) => [scope, jwksOf(scope)]))).toEqual({
      '': setOf(orders, payments, ledger),
      '/ns/shop': setOf(orders, payments),
      '/ns/billing': setOf(ledger),
      '/ns/shop/sa/orders': setOf(orders),
      '/ns/shop/sa/payments': setOf(payments),
      '/ns/billing/sa/ledger': setOf(ledger),
    })
    const kids = everything.flatMap((one) => one.keys.map(({ kid }) => kid)).sort()
    expect(bundle()).toMatchObject({ keys: kids.map((kid) => ({ kid })), spiffe_sequence: 7 })
  })

  it('I1: shows the issuing keys wherever keys are shown, since a token of theirs names the issuer of any scope', async () => {
    const own = { ...keys.PS256.publicJwk, kid: 'own' }
    await issuers.show(stored(everything, own), 1)
    const sets = paths.map((scope) => JSON.parse(jwksOf(scope) ?? '') as { keys: { kid: string; sub?: string }[] })
    for (const set of sets) {
      expect(set.keys.filter(({ sub }) => sub === undefined).map(({ kid }) => kid)).toEqual(['own'])
    }
    expect(sets.map((set) => set.keys.length)).toEqual([5, 4, 2, 3, 2, 2])
    expect(bundle().keys.map(({ kid }) => kid)).toContain('own')
    expect(issuers.get('/ns/none', 'jwks')).toBeUndefined()
    await issuers.show(stored([], own), 2)
    expect(paths.filter((scope) => issuers.get(scope, 'jwks') !== undefined)).toEqual([''])
    expect(jwksOf('')).toContain('own')
  })

  it('renders every set, and no discovery, when the issuing keys change, and nothing when they do not', async () => {
    const own = { ...keys.PS256.publicJwk, kid: 'own' }
    await issuers.show(stored(everything, own), 1)
    const before = documents()
    await issuers.show(stored(everything, own), 2)
    expect(changedSince(before)).toEqual([])
    await issuers.show(stored(everything, own, { ...own, kid: 'next' }), 3)
    expect(changedSince(before).sort()).toEqual([...paths.map((scope) => `${scope} jwks`), ' trust-bundle'].sort())
    await issuers.show(stored(everything), 4)
    expect(paths.filter((scope) => jwksOf(scope)?.includes('"own"'))).toEqual([])
  })

  it.each(paths)('names at the scope "%s" its own URL as the issuer, byte by byte', async (scope) => {
    await issuers.show(stored(everything), 1)
    for (const endpoint of ['openid-configuration', 'oauth-authorization-server'] as const) {
      expect(JSON.parse(textOf(issuers.get(scope, endpoint)) ?? '')).toMatchObject({
        issuer: `${base}${scope}`,
        jwks_uri: `${base}${scope}/jwks.json`,
      })
    }
  })

  it('has no namespace and no identity without keys, and a cluster in any case', async () => {
    await issuers.show(stored([{ ...ledger, keys: [] }]), 1)
    expect(paths.filter((scope) => issuers.get(scope, 'jwks') !== undefined)).toEqual([''])
    expect(jwksOf('')).toBe('{"keys":[]}')
    expect(issuers.get('/ns/billing', 'openid-configuration')).toBeUndefined()
    expect(issuers.get('/ns/shop', 'trust-bundle')).toBeUndefined()
  })

  it('renders for one identity its own set, that of its namespace and those of the cluster, and nothing else', async () => {
    await issuers.show(stored(everything), 1)
    const before = documents()
    const rotated = keysOf('shop/orders', keys.ES384.publicJwk)
    await issuers.show(stored([rotated, payments, ledger]), 2)
    expect(changedSince(before)).toEqual([' jwks', ' trust-bundle', '/ns/shop jwks', '/ns/shop/sa/orders jwks'])
    expect(jwksOf('/ns/shop')).toBe(setOf(rotated, payments))
    expect(bundle().spiffe_sequence).toBe(2)
  })

  it('renders nothing where no key has changed, whatever else has', async () => {
    await issuers.show(stored(everything), 1)
    const before = documents()
    await issuers.show(stored([ledger, { ...orders }, payments, keysOf('shop/empty')]), 2)
    expect(changedSince(before)).toEqual([])
    expect(bundle().spiffe_sequence).toBe(1)
  })

  it('drops the scopes of an identity that is gone, and keeps those of its namespace while others live there', async () => {
    await issuers.show(stored(everything), 1)
    const before = documents()
    await issuers.show(stored([payments]), 2)
    expect(paths.filter((scope) => issuers.get(scope, 'jwks') !== undefined)).toEqual([
      '',
      '/ns/shop',
      '/ns/shop/sa/payments',
    ])
    expect(jwksOf('/ns/shop')).toBe(setOf(payments))
    expect(issuers.get('/ns/shop/sa/payments', 'jwks')).toBe(before.get('/ns/shop/sa/payments jwks'))
    expect(issuers.get('/ns/billing', 'openid-configuration')).toBeUndefined()
  })

  it('I4: changes every scope in one turn, and none before', async () => {
    await issuers.show(stored([payments]), 1)
    const before = documents()
    const crowd = Array.from({ length: 200 }, (_, index) =>
      keysOf(`shop/n${index}`, { ...keys.EdDSA.publicJwk, kid: `n${index}` }),
    )
    // Orders, ledger and billing come, payments goes; of shop and the cluster it is the keys that change.
    const all = 3 * 4 + 3
    let over = false
    const showing = issuers.show(stored([orders, ledger, ...crowd]), 2).finally(() => {
      over = true
    })
    // Its work takes several turns; what is seen between them is all of the old or all of the new.
    let turns = 0
    while (!isTrue(over)) {
      const changed = changedSince(before)
      expect(changed.length === 0 || changed.length === all, changed.join()).toBe(true)
      turns += 1
      await new Promise((resolve) => setImmediate(resolve))
    }
    await showing
    expect(turns).toBeGreaterThan(3)
    expect(changedSince(before)).toHaveLength(all)
  })

  it('I3: shows nothing of a private key in any scope, and what it had before', async () => {
    await issuers.show(stored(everything), 1)
    const before = documents()
    const leak = { ...payments, keys: [{ ...payments.keys[0]!, d: keys.EdDSA.privateJwk.d } as never] }
    await expect(issuers.show(stored([orders, leak]), 2)).rejects.toThrow(TypeError)
    expect(changedSince(before)).toEqual([])
    await issuers.show(stored([orders]), 3)
    expect(jwksOf('/ns/shop')).toBe(setOf(orders))
  })

  it('compresses what is large, in every scope', async () => {
    const large = keysOf('shop/large', ...algorithms.map((algorithm) => keys[algorithm].publicJwk))
    const small = keysOf('billing/ledger', { ...keys.RS256.publicJwk, kid: 'small' })
    await issuers.show(stored([large, small]), 1)
    for (const scope of ['', '/ns/shop', '/ns/shop/sa/large']) {
      const { plain, gzip } = issuers.get(scope, 'jwks') ?? {}
      expect(gunzipSync(gzip?.body ?? Buffer.of())).toEqual(plain?.body)
      expect(gzip?.etag).not.toBe(plain?.etag)
    }
    expect(issuers.get('/ns/billing/sa/ledger', 'jwks')).not.toHaveProperty('gzip')
  })
})

/** Read anew after an await, which the type checker does not expect. */
const isTrue = (value: boolean): boolean => value
