import { describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../../src/time/clock.ts'
import {
  identityOf,
  issuedBeforeOf,
  revocationIndexers,
  revocationsOf,
  revokedBy,
} from '../../../src/controller/revocation/revoked.ts'
import { HOUR, SECOND } from '../../../src/time/duration.ts'
import { Store } from '../../../src/kube/cache/store.ts'
import { createdAt, tokenRevocation } from '../../builders/token-revocation.ts'

const before = (time: number) => tokenRevocation({ issuedBefore: formatTime(time) })

describe('what is revoked of an identity', () => {
  it('is nothing without a revocation', () => {
    expect(revokedBy([], createdAt)).toEqual({ keyIDs: new Set(), tokens: { tokenIDs: new Set() }, any: false })
  })

  it('is every key and token that is named, and whatever was issued before the latest time', () => {
    const revocations = [
      tokenRevocation({ keyID: 'k1' }),
      tokenRevocation({ keyID: 'k2' }),
      tokenRevocation({ tokenID: 't1' }),
      before(createdAt - HOUR),
      before(createdAt - 2 * HOUR),
    ]
    const expected = {
      keyIDs: new Set(['k1', 'k2']),
      tokens: { tokenIDs: new Set(['t1']), issuedBefore: createdAt - HOUR },
      any: true,
    }
    expect(revokedBy(revocations, createdAt)).toEqual(expected)
    expect(revokedBy(revocations.toReversed(), createdAt)).toEqual(expected)
  })

  it('waits for a time that is ahead, so that no token is minted that would be revoked again', () => {
    const ahead = createdAt + 30 * SECOND
    expect(revokedBy([before(ahead)], ahead - 1)).toEqual({
      keyIDs: new Set(),
      tokens: { tokenIDs: new Set() },
      any: true,
      lookAgainAt: ahead,
    })
    expect(revokedBy([before(ahead)], ahead).tokens.issuedBefore).toBe(ahead)
  })

  it('leaves out a time that was refused, also once it has come', () => {
    expect(revokedBy([before(createdAt + HOUR)], createdAt + 2 * HOUR).tokens).toEqual({ tokenIDs: new Set() })
  })
})

const judge = (issuedBefore?: string) =>
  issuedBeforeOf(tokenRevocation(issuedBefore === undefined ? {} : { issuedBefore }))

describe('the time before which tokens are revoked', () => {
  it('is in whole seconds, as iat is: a fraction counts as the next one', () => {
    expect(judge('2026-05-31T12:00:00Z')).toBe(Date.parse('2026-05-31T12:00:00Z'))
    expect(judge('2026-05-31T14:00:00+02:00')).toBe(Date.parse('2026-05-31T12:00:00Z'))
    expect(judge('2026-05-31T12:00:00.001Z')).toBe(Date.parse('2026-05-31T12:00:01Z'))
  })

  it('is none where none is named', () => {
    expect(judge()).toBeUndefined()
  })

  it('may be 60 seconds ahead of the creation, and no more', () => {
    expect(judge(formatTime(createdAt + 60 * SECOND))).toBe(createdAt + 60 * SECOND)
    expect(judge(formatTime(createdAt + 61 * SECOND))).toEqual({
      reason: 'TooFarAhead',
      message:
        'issuedBefore 2026-06-01T00:01:01Z is more than 60 seconds after this object was created: ' +
        'create another TokenRevocation with a time in the past',
    })
  })

  it('is refused where it cannot be read', () => {
    expect(judge('soon')).toMatchObject({ reason: 'TooFarAhead' })
  })
})

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
