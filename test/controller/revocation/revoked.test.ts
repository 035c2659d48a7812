import { describe, expect, it } from 'vitest'
import { formatTime } from '../../../src/time/clock.ts'
import { revokedBy } from '../../../src/controller/revocation/revoked.ts'
import { HOUR, SECOND } from '../../../src/time/duration.ts'
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
