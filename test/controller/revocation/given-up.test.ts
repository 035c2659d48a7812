import { beforeAll, expect, it } from 'vitest'
import type { TokenRevocation } from '../../../src/api/v1alpha1/types.ts'
import { revocationIndexers } from '../../../src/controller/revocation/revoked.ts'
import { givenUp } from '../../../src/controller/revocation/given-up.ts'
import { theAuthority } from '../../../src/identity/key-owner.ts'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { keySlot } from '../../builders/keys.ts'
import { tokenRevocation } from '../../builders/token-revocation.ts'

const orders = { namespace: 'shop', name: 'orders' }

let published: PublicJwk

beforeAll(async () => {
  published = (await keySlot()).publicJwk
})

const nothing = () => new Set<string>()
const isGivenUp = (spec: Partial<TokenRevocation['spec']>, namespace = 'shop'): boolean => {
  const store = new Store<TokenRevocation>(revocationIndexers)
  store.set(tokenRevocation(spec, { metadata: { name: 'leak', namespace } }))
  return givenUp(store, nothing)(orders, [published])
}

it('takes the revocation of a published key for the word of its user, and nothing else', () => {
  expect(isGivenUp({ keyID: published.kid })).toBe(true)
  expect(isGivenUp({ keyID: 'another' })).toBe(false)
  expect(isGivenUp({ tokenID: published.kid })).toBe(false)
  expect(isGivenUp({ issuedBefore: '2026-06-01T00:00:00Z' })).toBe(false)
  expect(givenUp(new Store<TokenRevocation>(revocationIndexers), nothing)(orders, [published])).toBe(false)
})

it('I8: asks only those of the identity itself', () => {
  expect(isGivenUp({ keyID: published.kid, identity: 'payments' })).toBe(false)
  expect(isGivenUp({ keyID: published.kid }, 'bank')).toBe(false)
})

it('I8: asks for the authority what its own ConfigMap says, and no TokenRevocation of anybody', () => {
  const store = new Store<TokenRevocation>(revocationIndexers)
  for (const namespace of ['shop', 'signet-system', 'authority', '']) {
    store.set(
      tokenRevocation({ keyID: published.kid, identity: 'authority' }, { metadata: { name: 'leak', namespace } }),
    )
  }
  expect(givenUp(store, nothing)(theAuthority, [published])).toBe(false)
  expect(givenUp(store, () => new Set([published.kid]))(theAuthority, [published])).toBe(true)
  expect(givenUp(store, () => new Set([published.kid]))(orders, [published])).toBe(false)
})
