import { describe, expect, it } from 'vitest'
import { publishableKeys } from '../../src/keys/publishable-keys.ts'
import type { IdentityKeys } from '../../src/keys/identity-keys.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { keysOf, stored } from '../fakes/public-key-source.ts'

const key = keys.ES256.publicJwk
const other = keys.EdDSA.publicJwk
const orders = keysOf('shop/orders', key)
const payments = keysOf('shop/payments', other)

/** By identity, the kids that may be published. */
const kidsOf = (identities: readonly IdentityKeys[]) =>
  Object.fromEntries(
    publishableKeys(stored(identities)).identities.map((one) => [one.identity.name, one.keys.map(({ kid }) => kid)]),
  )

describe('publishableKeys', () => {
  it('gives identities of which nothing is left out as they were', () => {
    const given = [orders, payments]
    const { identities, refused } = publishableKeys(stored(given))
    expect(identities.map((one, index) => one === given[index])).toEqual([true, true])
    expect(refused).toEqual(new Map())
  })

  it('gives a key that is there twice once', () => {
    const twice = keysOf('shop/orders', key, other, key)
    expect(kidsOf([twice])).toEqual({ orders: [key.kid, other.kid] })
    expect(publishableKeys(stored([twice])).refused).toEqual(new Map())
  })

  it('I4: leaves out a key whose kid is not its thumbprint, and not the one whose kid it took', () => {
    const impostor = keysOf('shop/payments', { ...other, kid: key.kid })
    for (const given of [
      [impostor, orders],
      [orders, impostor],
    ]) {
      expect(kidsOf(given)).toEqual({ orders: [key.kid], payments: [] })
      expect(publishableKeys(stored(given)).refused).toEqual(new Map([[key.kid, 'the kid is not the thumbprint']]))
    }
  })

  it('I8: leaves out a key of one identity that is bound to another, or to none', () => {
    const { kid, sub: _, ...unbound } = { ...other, sub: '' }
    const wrong = [
      { ...payments.keys[0]!, sub: 'spiffe://cluster.local/ns/shop/sa/orders' },
      { ...payments.keys[0]!, sub: 'spiffe://cluster.local/ns/shop/sa/payments/' },
      { ...unbound, kid },
    ]
    for (const one of wrong) {
      const given = [orders, { ...payments, keys: [one] }]
      expect(kidsOf(given)).toEqual({ orders: [key.kid], payments: [] })
      expect(publishableKeys(stored(given)).refused).toEqual(
        new Map([[kid, 'the subject is not that of shop/payments']]),
      )
    }
  })

  it('I4: leaves out a kid that two identities, trust domains or algorithms claim, in whatever order', () => {
    const sub = 'spiffe://elsewhere/ns/shop/sa/orders'
    const rsa = keysOf('shop/orders', keys.RS256.publicJwk, { ...keys.RS256.publicJwk, alg: 'PS256' })
    const abroad = { ...orders, keys: [...orders.keys, { ...orders.keys[0]!, sub }] }
    const thief = keysOf('shop/thief', key)
    for (const [contested, ...rest] of [
      [orders, thief],
      [thief, orders],
      [thief, orders, thief],
      [abroad],
      [rsa],
    ] as const) {
      const { kid } = contested.keys[0]!
      const { identities, refused } = publishableKeys(stored([contested, payments, ...rest]))
      expect(identities.flatMap((one) => one.keys)).toEqual(payments.keys)
      expect([...refused.keys()]).toEqual([kid])
    }
  })

  describe("of the authority's own", () => {
    const own = keys.ES384.publicJwk

    it('gives keys that are bound to no subject', () => {
      const given = stored([orders], own)
      const { issuingKeys, identities, refused } = publishableKeys(given)
      expect(issuingKeys).toBe(given.issuingKeys)
      expect(identities).toEqual([orders])
      expect(refused).toEqual(new Map())
    })

    it('I8: leaves out what speaks for an identity', () => {
      const bound = { ...own, sub: 'spiffe://cluster.local/ns/shop/sa/orders' }
      const { issuingKeys, refused } = publishableKeys(stored([orders], bound))
      expect(issuingKeys).toEqual([])
      expect([...refused]).toEqual([[own.kid, 'an issuing key is bound to a subject']])
    })

    it('I4: leaves out a key whose kid is not its thumbprint', () => {
      expect(publishableKeys(stored([orders], { ...own, kid: key.kid }))).toMatchObject({
        issuingKeys: [],
        identities: [orders],
      })
    })

    it('I8: publishes from no ConfigMap of an identity what may sign for any, not even a true key of the authority', () => {
      const smuggled = { ...orders, keys: [...orders.keys, own, other] }
      const { identities, issuingKeys, refused } = publishableKeys(stored([smuggled], own))
      expect(identities).toEqual([orders])
      expect(issuingKeys).toEqual([own])
      expect([...refused.values()]).toEqual(Array(2).fill('the subject is not that of shop/orders'))
    })

    it('I4: gives a kid that an identity claims too to neither', () => {
      const thief = keysOf('shop/thief', own)
      const { identities, issuingKeys, refused } = publishableKeys(stored([orders, thief], own))
      expect([...identities.flatMap((one) => one.keys), ...issuingKeys]).toEqual(orders.keys)
      expect([...refused.keys()]).toEqual([own.kid])
    })
  })
})
