import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ownsAudience } from '../../../src/authority/introspection/audience-owner.ts'

const trustDomain = 'cluster.local'
const id = (namespace: string, name: string) => ({ trustDomain, namespace, name })
const shop = id('shop', 'orders')

describe('an audience', () => {
  it.each<[string, string, string, string]>([
    ['its SPIFFE ID', 'billing', 'payments', 'spiffe://cluster.local/ns/billing/sa/payments'],
    ['its name and namespace', 'billing', 'payments', 'payments.billing'],
    ["its Service's name", 'billing', 'payments', 'payments.billing.svc'],
    ['its bare name, for tokens of its own namespace', 'shop', 'payments', 'payments'],
    ['a dotted name with its namespace', 'shop', 'payments.v2', 'payments.v2.shop'],
    ["a dotted name as its Service's", 'shop', 'payments.v2', 'payments.v2.shop.svc'],
    ['a name in a namespace called svc', 'svc', 'payments', 'payments.svc'],
  ])('means an identity that it calls by %s', (_, namespace, name, audience) => {
    expect(ownsAudience(id(namespace, name), audience, shop)).toBe(true)
  })

  it.each<[string, string, string, string]>([
    ['the bare name of another namespace', 'billing', 'payments', 'payments'],
    ['a bare name with a dot, which may be a name and a namespace', 'shop', 'payments.billing', 'payments.billing'],
    ['the trust domain', 'shop', 'cluster.local', 'cluster.local'],
    ['another identity', 'shop', 'payments', 'ledger'],
    ['the SPIFFE ID of another trust domain', 'shop', 'payments', 'spiffe://other/ns/shop/sa/payments'],
    ['the same name in capitals', 'shop', 'payments', 'PAYMENTS'],
    ['something longer', 'shop', 'payments', 'payments.shop.svc.cluster.local'],
    ['an empty text', 'shop', 'payments', ''],
    ['a dotted name in a namespace called svc, which is also a Service', 'svc', 'payments.shop', 'payments.shop.svc'],
  ])('does not mean an identity that is called otherwise: %s', (_, namespace, name, audience) => {
    expect(ownsAudience(id(namespace, name), audience, shop)).toBe(false)
  })

  it('does not mean an identity by its bare name, where the token is of that namespace in another trust domain', () => {
    const [owner, elsewhere] = [id('shop', 'payments'), { ...shop, trustDomain: 'other' }]
    expect([shop, elsewhere].map((subject) => ownsAudience(owner, 'payments', subject))).toEqual([true, false])
  })

  it.each([
    ['the bare name', 'prod', 'shop', 'prod'],
    ['name and namespace', 'cluster.local', 'local', 'cluster'],
    ["the Service's name", 'orders.shop.svc', 'shop', 'orders'],
  ])(
    'that is the trust domain, which every token is for by default, means nobody by %s',
    (_, domain, namespace, name) => {
      const owner = { trustDomain: domain, namespace, name }
      expect(ownsAudience(owner, domain, { ...owner, name: 'other' })).toBe(false)
    },
  )

  it('I8: never means identities of two namespaces, nor two of one, whatever they are called', () => {
    const label = fc.constantFrom('a', 'b', 'svc', 'payments', 'shop')
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
    const audience = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'))
    const identity = fc.record({ namespace: label, name }).map((one) => id(one.namespace, one.name))
    fc.assert(
      fc.property(identity, identity, identity, audience, (one, other, subject, text) => {
        fc.pre(one.namespace !== other.namespace || one.name !== other.name)
        expect(ownsAudience(one, text, subject) && ownsAudience(other, text, subject)).toBe(false)
      }),
      { numRuns: 5000 },
    )
  })
})
