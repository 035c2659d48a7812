import { describe, expect, it } from 'vitest'
import { formatTime } from '../../../src/time/clock.ts'
import { issuedBeforeOf } from '../../../src/controller/revocation/issued-before.ts'
import { SECOND } from '../../../src/time/duration.ts'
import { createdAt, tokenRevocation } from '../../builders/token-revocation.ts'

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
        'issuedBefore 2026-06-01T00:01:01Z is more than 60 seconds after this object was created; ' +
        'create another TokenRevocation with a time that has come',
    })
  })

  it('is refused where it cannot be read', () => {
    expect(judge('soon')).toMatchObject({ reason: 'TooFarAhead' })
  })
})
