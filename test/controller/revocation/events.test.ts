import { describe, expect, it } from 'vitest'
import { announcementOf } from '../../../src/controller/revocation/events.ts'
import { tokenRevocation } from '../../builders/token-revocation.ts'

const applied = { applied: true, reason: 'Revoked', message: 'done' } as const

describe('the Events of a revocation', () => {
  it.each([
    [{ keyID: 'k1' }, 'key k1 revoked by TokenRevocation leak'],
    [{ tokenID: 't1' }, 'token t1 revoked by TokenRevocation leak'],
    [
      { issuedBefore: '2026-01-01T00:00:00Z' },
      'tokens issued before 2026-01-01T00:00:00Z revoked by TokenRevocation leak',
    ],
  ])('tell the identity of %j', (spec, identityNote) => {
    expect(announcementOf(tokenRevocation(spec), applied)).toEqual({
      type: 'Normal',
      reason: 'Revoked',
      note: 'done',
      identityNote,
    })
  })

  it('warn of what could not be applied, and leave the identity alone', () => {
    const verdict = { applied: false, reason: 'KeyUnknown', message: 'no such key' } as const
    expect(announcementOf(tokenRevocation({ keyID: 'k1' }), verdict)).toEqual({
      type: 'Warning',
      reason: 'KeyUnknown',
      note: 'no such key',
    })
  })

  it.each(['Applying', 'NotYet'] as const)('say nothing while it is on its way: %s', (reason) => {
    expect(announcementOf(tokenRevocation({}), { applied: false, reason, message: '' })).toBeUndefined()
  })
})
