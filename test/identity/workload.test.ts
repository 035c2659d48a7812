import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isAuthority, ownerKey, theAuthority } from '../../src/identity/key-owner.ts'
import { keyRingSecretName, ownerOfPublicKeys, publicKeysName } from '../../src/identity/workload.ts'

describe('ownerOfPublicKeys', () => {
  it.each([
    { namespace: 'shop', name: 'orders' },
    { namespace: 'shop', name: 'orders.v2.eu' },
    { namespace: 'n'.repeat(63), name: 'a'.repeat(177) },
    { namespace: 'authority', name: 'authority' },
    theAuthority,
  ])('reads back the name of the ConfigMap of %j', (owner) => {
    expect(ownerOfPublicKeys(publicKeysName(owner))).toEqual(owner)
  })

  it.each(['', 'signet-jwks', 'signet-jwks.shop', 'signet-jwks.shop.', 'signet-jwks..orders', 'my-signet-jwks.a.b'])(
    'says nothing of "%s"',
    (name) => {
      expect(ownerOfPublicKeys(name)).toBeUndefined()
    },
  )
})

it("I8: no identity's ring or public keys have the name of the authority's, nor is it taken for the authority", () => {
  const label = fc.oneof(fc.constant('authority'), fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/))
  const name = fc.oneof(fc.constant('authority'), fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,50}[a-z0-9])?$/))
  fc.assert(
    fc.property(fc.record({ namespace: label, name }), (identity) => {
      expect(isAuthority(identity)).toBe(false)
      expect(keyRingSecretName(identity)).not.toBe(keyRingSecretName(theAuthority))
      expect(ownerOfPublicKeys(publicKeysName(identity))).toEqual(identity)
      expect(ownerKey(identity)).not.toBe(ownerKey(theAuthority))
    }),
  )
})
