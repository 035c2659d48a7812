import { describe, expect, it } from 'vitest'
import { statusOf } from '../../../src/controller/revocation/status.ts'
import { HOUR } from '../../../src/time/duration.ts'
import { createdAt, tokenRevocation } from '../../builders/token-revocation.ts'

const revocation = tokenRevocation({ keyID: 'k1' })
const verdict = { applied: true, reason: 'Revoked', message: 'Key k1 has left', expiresAt: createdAt + HOUR } as const

describe('the status of a TokenRevocation', () => {
  it('says what was judged, and until when it stands', () => {
    expect(statusOf(revocation, verdict, createdAt)).toEqual({
      observedGeneration: 1,
      conditions: [
        {
          type: 'Applied',
          status: 'True',
          reason: 'Revoked',
          message: 'Key k1 has left',
          observedGeneration: 1,
          lastTransitionTime: '2026-06-01T00:00:00Z',
        },
      ],
      expiresAt: '2026-06-01T01:00:00Z',
    })
  })

  it('is the same for the same verdict at a later time', () => {
    const first = statusOf(revocation, verdict, createdAt)
    expect(statusOf({ ...revocation, status: first }, verdict, createdAt + HOUR)).toEqual(first)
  })

  it('names no end where none is known', () => {
    const refused = { applied: false, reason: 'TooFarAhead', message: 'too far' } as const
    expect(statusOf(revocation, refused, createdAt)).not.toHaveProperty('expiresAt')
    expect(statusOf(revocation, refused, createdAt).conditions?.[0]).toMatchObject({ status: 'False' })
  })
})
