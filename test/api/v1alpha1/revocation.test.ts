import { describe, expect, it } from 'vitest'
import { issuedBeforeTime, latestEnd } from '../../../src/api/v1alpha1/revocation.ts'
import { formatTime } from '../../../src/time/clock.ts'
import { HOUR, MINUTE } from '../../../src/time/duration.ts'
import { createdAt, tokenRevocation } from '../../builders/token-revocation.ts'

const longest = createdAt + 25 * HOUR

describe('the latest end of a revocation', () => {
  it.each([
    ['25 hours where nothing is known of the token', { tokenID: 't' }, longest],
    ['25 hours for a key', { keyID: 'k' }, longest],
    [
      'five minutes after the token expires',
      { tokenID: 't', tokenExpiresAt: at(10 * MINUTE) },
      createdAt + 15 * MINUTE,
    ],
    ['never later than without', { tokenID: 't', tokenExpiresAt: at(100 * HOUR) }, longest],
    ['five minutes for a token that has expired', { tokenID: 't', tokenExpiresAt: at(-HOUR) }, createdAt + 5 * MINUTE],
    ['what it is without, for an expiry that is none', { tokenID: 't', tokenExpiresAt: 'soon' }, longest],
    ['25 hours after a time', { issuedBefore: at(-2 * HOUR) }, createdAt + 23 * HOUR],
    ['an hour for a time long ago', { issuedBefore: at(-100 * HOUR) }, createdAt + HOUR],
  ])('is %s', (_, spec, end) => {
    expect(latestEnd(tokenRevocation(spec))).toBe(end)
  })
})

describe('the time before which tokens are revoked', () => {
  it.each([
    ['is none where none is named', { tokenID: 't' }, undefined],
    ['is the next whole second', { issuedBefore: new Date(createdAt - 1500).toISOString() }, createdAt - 1000],
    ['may be a minute ahead', { issuedBefore: at(MINUTE) }, createdAt + MINUTE],
    ['is refused further ahead', { issuedBefore: at(MINUTE + 1000) }, 'refused'],
    ['is refused where it is no time', { issuedBefore: 'noon' }, 'refused'],
  ])('%s', (_, spec, time) => {
    expect(issuedBeforeTime(tokenRevocation(spec))).toBe(time)
  })
})

function at(offset: number): string {
  return formatTime(createdAt + offset)
}
