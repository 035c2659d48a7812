import { expect, it } from 'vitest'
import { verdictOf } from './envoy.ts'

it.each([
  [200, 'spiffe://a', '', { kind: 'accepted', subject: 'spiffe://a' }],
  [200, undefined, '', { kind: 'failed', reason: '200 ' }],
  [401, undefined, 'Jwt is expired', { kind: 'refused', reason: '401 Jwt is expired' }],
  [
    403,
    undefined,
    'Audiences in Jwt are not allowed',
    { kind: 'refused', reason: '403 Audiences in Jwt are not allowed' },
  ],
  [401, undefined, 'Jwks remote fetch is failed', { kind: 'failed', reason: '401 Jwks remote fetch is failed' }],
  [503, undefined, 'no upstream', { kind: 'failed', reason: '503 no upstream' }],
])('takes the answer %i with subject %s and body "%s" for what it says', (status, subject, body, verdict) => {
  expect(verdictOf(status, subject, body)).toEqual(verdict)
})
