import { expect, it } from 'vitest'
import { generateSigningKey } from '../../../src/keys/signing-key.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { anotherKeySample, audience, hostileExhibits, hostileSamples } from './exhibits.ts'

const issuer = 'https://127.0.0.1:1'
const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const subjects = { a: 'spiffe://cluster.local/ns/soak/sa/a', b: 'spiffe://cluster.local/ns/soak/sa/b' }

it('makes of a valid token every hostile one, each refused by our own verifier for its own reason', async () => {
  const [a, b, unpublished] = await Promise.all([
    generateSigningKey('ES256', subjects.a),
    generateSigningKey('ES384', subjects.b),
    generateSigningKey('ES256', subjects.a),
  ])
  const speakers = [
    { issuer, subject: subjects.a, key: a },
    { issuer, subject: subjects.b, key: b },
  ] as const
  const exhibits = await hostileExhibits(...speakers, unpublished, now)
  expect(exhibits.map(({ sample }) => sample)).toEqual([...hostileSamples, anotherKeySample])
  const published = [a, b].map(({ publicJwk }) => publicJwk)
  const codes = exhibits.map(({ token }) => {
    try {
      const keys = (kid: string) => published.find((key) => key.kid === kid)
      verifyTokenSync(token, { keys, issuer, audience, now, skewMs: 60_000, profile: 'JWT-SVID' })
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  })
  expect(codes).toEqual([
    'ERR_TOKEN_SIGNATURE',
    'ERR_TOKEN_AUDIENCE',
    'ERR_TOKEN_EXPIRED',
    'ERR_TOKEN_MALFORMED',
    'ERR_TOKEN_ALGORITHM',
    'ERR_TOKEN_KEY_UNKNOWN',
    'ERR_TOKEN_SIGNATURE',
    'ERR_TOKEN_SUBJECT',
  ])
})
