import { expect, it } from 'vitest'
import type { TokenRevocation } from '../../../src/api/v1alpha1/types.ts'
import { identityOf, revocationIndexers, revocationsOf } from '../../../src/controller/revocation/by-identity.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { tokenRevocation } from '../../builders/token-revocation.ts'

it('I8: finds the revocations of one identity, never those of another namespace', () => {
  const store = new Store<TokenRevocation>(revocationIndexers)
  const named = (name: string, namespace: string, identity: string) =>
    store.set(tokenRevocation({ identity, tokenID: name }, { metadata: { name, namespace } }))
  named('a', 'shop', 'orders')
  named('b', 'shop', 'orders')
  named('c', 'shop', 'payments')
  named('d', 'bank', 'orders')
  const found = revocationsOf(store, { namespace: 'shop', name: 'orders' })
  expect(found.map(({ metadata }) => metadata.name)).toEqual(['a', 'b'])
  expect(found.map(identityOf)).toEqual([
    { namespace: 'shop', name: 'orders' },
    { namespace: 'shop', name: 'orders' },
  ])
})
