import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseIssuer } from '../../../src/identity/issuer.ts'
import { PublishedDocuments } from '../../../src/authority/documents/published-documents.ts'
import type { IdentityKeys } from '../../../src/keys/identity-keys.ts'
import { serializeJwks } from '../../../src/keys/jwks.ts'
import { type Logger, silentLogger } from '../../../src/logger.ts'
import { eventually } from '../../builders/eventually.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { FakeSource, keysOf } from '../../fakes/public-key-source.ts'

const issuer = parseIssuer('https://signet-authority.signet-system.svc')
const one = keysOf('shop/orders', keys.ES256.publicJwk)
const other = keysOf('shop/payments', keys.EdDSA.publicJwk)
const scopes = ['', '/ns/shop', '/ns/shop/sa/orders']
const opened: PublishedDocuments[] = []
afterEach(() => opened.splice(0).forEach((documents) => documents.close()))

function open(source = new FakeSource(), logger: Logger = silentLogger) {
  const documents = new PublishedDocuments({ issuer, source, logger, interval: 5 })
  opened.push(documents)
  const published = (scope = '') => documents.get(`${scope}/jwks.json`)?.document?.plain.body.toString()
  return { source, documents, published }
}

const setOf = (...identities: readonly IdentityKeys[]) => serializeJwks(identities.flatMap((identity) => identity.keys))

describe('PublishedDocuments', () => {
  it('publishes nothing in any scope before the source is ready, and says that it will', async () => {
    const { source, documents, published } = open()
    await eventually(() => expect(source.listeners).toBe(1))
    expect(documents.notReady()).toBeDefined()
    for (const scope of scopes) expect(documents.get(`${scope}/jwks.json`)).toEqual({ endpoint: 'jwks' })
    expect(documents.get('/bundle.json')).toEqual({ endpoint: 'trust-bundle' })
    expect(documents.get('/anything')).toBeUndefined()
    source.set([one])
    await eventually(() => expect(documents.notReady()).toBeUndefined())
    for (const scope of scopes) expect(published(scope)).toBe(setOf(one))
    expect(documents.get('/ns/other/jwks.json')).toBeUndefined()
    expect(documents.get('/ns/shop/sa/other/.well-known/openid-configuration')).toBeUndefined()
  })

  it('I1: publishes each newer set, and a key that was taken out no more', async () => {
    const { source, published } = open()
    for (const set of [[one], [one, other], [other], []]) {
      source.set(set)
      await eventually(() => expect(published()).toBe(setOf(...set)))
      expect(published('/ns/shop')).toBe(set.length === 0 ? undefined : setOf(...set))
      expect(published('/ns/shop/sa/orders')).toBe(set.includes(one) ? setOf(one) : undefined)
    }
  })

  it('I1: tells of the issuing keys once they are served in every scope, and not before', async () => {
    const { source, documents, published } = open()
    source.set([one])
    await eventually(() => expect(documents.notReady()).toBeUndefined())
    const told: boolean[] = []
    const stop = documents.onChange(() => {
      const { kid } = own
      told.push(scopes.every((scope) => published(scope)?.includes(kid)))
    })
    const own = keys.ES384.publicJwk
    source.setIssuingKeys(own)
    expect(documents.issuingKeys()).toEqual([])
    await eventually(() => expect(documents.issuingKeys()).toEqual([own]))
    expect(told).toEqual([true])
    source.set([one, other])
    await eventually(() => expect(published()).toContain(other.keys[0]?.kid))
    expect(told).toEqual([true])
    stop()
    source.setIssuingKeys()
    await eventually(() => expect(documents.issuingKeys()).toEqual([]))
    expect(told).toEqual([true])
  })

  it('I4: keeps its sets while the source is not ready, or starts anew with an older one', async () => {
    const { source, documents, published } = open()
    source.set([one, other], 7)
    await eventually(() => expect(documents.notReady()).toBeUndefined())
    source.setReady(false)
    source.set([], 3)
    await pause(30)
    expect(published()).toBe(setOf(one, other))
    expect(published('/ns/shop')).toBe(setOf(one, other))
    expect(published('/ns/shop/sa/orders')).toBe(setOf(one))
    expect(documents.notReady()).toBeUndefined()
    source.set([one], 8)
    await eventually(() => expect(published()).toBe(setOf(one)))
    expect(published('/ns/shop/sa/payments')).toBeUndefined()
  })

  it('I4: reads together what changes together, so that no set between two others is ever seen', async () => {
    const { source, documents, published } = open()
    source.set([one, other])
    await eventually(() => expect(documents.notReady()).toBeUndefined())
    await pause(20)
    const read = vi.spyOn(source, 'identities')
    source.set([other])
    source.set([{ ...one }, other])
    await eventually(() => expect(read).toHaveBeenCalled())
    expect(read.mock.results.map(({ value }) => (value as unknown[]).length)).toEqual([2])
    expect(published('/ns/shop/sa/orders')).toBe(setOf(one))
  })

  it('renders once for many changes at a time, and ends with the last of them', async () => {
    const source = new FakeSource()
    const read = vi.spyOn(source, 'identities')
    const { published } = open(source)
    for (let change = 0; change < 100; change += 1) source.set(change % 2 === 0 ? [one] : [other])
    source.set([one, other])
    await eventually(() => expect(published()).toBe(setOf(one, other)))
    expect(read.mock.calls.length).toBeLessThanOrEqual(3)
  })

  it('keeps the validator of a set that only seems to have changed', async () => {
    const { source, documents, published } = open()
    source.set([one, other])
    await eventually(() => expect(published()).toBeDefined())
    const before = documents.get('/jwks.json')?.document
    const copyOf = ({ identity, keys: list }: IdentityKeys) => ({ identity, keys: list.map((key) => ({ ...key })) })
    source.set([copyOf(other), copyOf(one)])
    await eventually(() => expect(documents.get('/jwks.json')?.document).not.toBe(before))
    expect(documents.get('/jwks.json')?.document?.plain.etag).toBe(before?.plain.etag)
  })

  it('reports a key that it does not publish, once', async () => {
    const errors = vi.fn()
    const { source, published } = open(new FakeSource(), { ...silentLogger, error: errors })
    const misnamed = keysOf('shop/orders', { ...keys.ES256.publicJwk, kid: 'not-mine' })
    for (const set of [[misnamed], [misnamed, other]]) {
      source.set(set)
      await eventually(() => expect(published()).toBe(setOf(...set.slice(1))))
    }
    expect(errors.mock.calls).toEqual([[expect.any(String), { kid: 'not-mine', why: 'the kid is not the thumbprint' }]])
    expect(published('/ns/shop/sa/orders')).toBeUndefined()
  })

  it('I3: publishes nothing of a private key, keeps what it has and tries again', async () => {
    const errors = vi.fn()
    const { source, published } = open(new FakeSource(), { ...silentLogger, error: errors })
    source.set([one])
    await eventually(() => expect(published()).toBeDefined())
    const leak = { ...other, keys: other.keys.map((key) => ({ ...key, d: keys.EdDSA.privateJwk.d })) }
    source.set([one, leak])
    await eventually(() => expect(errors).toHaveBeenCalled())
    for (const scope of scopes) expect(published(scope)).toBe(setOf(one))
    expect(JSON.stringify(errors.mock.calls)).not.toContain(keys.EdDSA.privateJwk.d)
    source.set([one, other])
    await eventually(() => expect(published()).toBe(setOf(one, other)))
  })

  it('listens no more once it is closed', async () => {
    const { source, documents, published } = open()
    source.set([one])
    await eventually(() => expect(published()).toBeDefined())
    documents.close()
    expect(source.listeners).toBe(0)
    source.set([other])
    await pause(30)
    expect(published()).toBe(setOf(one))
  })
})

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
