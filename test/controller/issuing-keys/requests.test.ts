import { expect, it } from 'vitest'
import { keyRequests } from '../../../src/controller/issuing-keys/requests.ts'

const asked = (annotations?: Record<string, string>) =>
  keyRequests({ metadata: { name: 'signet-jwks.authority', ...(annotations === undefined ? {} : { annotations }) } })

it('asks for nothing where nothing is said', () => {
  for (const requests of [keyRequests(undefined), asked(), asked({}), asked({ 'signet.dev/revoke-key': ' ,' })]) {
    expect(requests).toEqual({ revoked: new Set() })
  }
})

it('reads a request for a rotation, and the keys that are revoked', () => {
  expect(asked({ 'signet.dev/rotate-key': '17', 'signet.dev/revoke-key': 'abc, d_e-f ,' })).toEqual({
    rotationRequest: '17',
    revoked: new Set(['abc', 'd_e-f']),
  })
})

it('takes nothing for a kid that cannot be one', () => {
  const revoked = ['a b', 'x'.repeat(65), '{}', 'a.b', 'ok'].join(',')
  expect(asked({ 'signet.dev/revoke-key': revoked }).revoked).toEqual(new Set(['ok']))
})
