import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PublicJwk } from '../../../src/keys/public-jwk.ts'
import type { Revocation } from '../../../src/tokens/revocation.ts'
import { TokenVerifier } from '../../../src/verifier/verification/token-verifier.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { keys } from '../../fixtures/keys/keys.ts'
import { issuer, makeToken, now, subject } from '../../builders/token.ts'
import { twinOf } from '../../builders/signature-twin.ts'
import { HeldKeys, HeldRevocations } from '../../fakes/verifier-sources.ts'

const other = 'spiffe://cluster.local/ns/shop/sa/other'
const seconds = now / 1000
const first = await makeToken()
const tokens = [
  first,
  twinOf(first),
  await makeToken({ key: keys.other, claims: { jti: 'token-2' } }),
  await makeToken({ claims: { sub: other, jti: 'token-3', exp: seconds + 120.5 } }),
  await makeToken({ claims: { jti: 'token-4', nbf: seconds + 90 } }),
  await makeToken({ key: keys.EdDSA, claims: { jti: 'token-5', iat: seconds + 30, exp: seconds + 300 } }),
  await makeToken({ claims: { aud: 'ledger' } }),
  `${first.slice(0, -1)}x`,
]

const [one, two, three] = [keys.ES256.publicJwk, keys.other.publicJwk, keys.EdDSA.publicJwk]
/** Sets of keys: the same objects, the same keys imported anew, keys bound to subjects, keys missing. */
const sets: readonly (() => readonly PublicJwk[])[] = [
  () => [one, two, three],
  () => [{ ...one }, two, three],
  () => [{ ...one, sub: subject }, { ...two, sub: subject }, three],
  () => [{ ...one, sub: other }, three],
  () => [two],
  () => [],
]

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ verify: fc.nat(tokens.length - 1) }) },
  { weight: 2, arbitrary: fc.record({ advance: fc.integer({ min: -200_000, max: 400_000 }) }) },
  { weight: 1, arbitrary: fc.record({ keys: fc.nat(sets.length - 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      revoke: fc.array(
        fc.constantFrom<Revocation>(
          { sub: subject, jti: 'token-1', exp: seconds },
          { sub: other, jti: 'token-1', exp: seconds },
          { sub: subject, kid: two.kid, exp: seconds },
          { sub: other, issued_before: seconds, exp: seconds },
          { sub: subject, issued_before: seconds - 61, exp: seconds },
        ),
        { maxLength: 2 },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ unknown: fc.constantFrom(undefined, 'revocations are not known') }) },
)

it('I5 I6: a verifier that remembers answers like one that does not, over any history', async () => {
  let recalled = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (history) => {
      const clock = new HeldClock(now)
      const held = new HeldKeys(one, two, three)
      const revocations = new HeldRevocations()
      const shared = { keys: held, revocations, issuer, audience: 'payments', clock }
      // Room for three tokens, so that some are forgotten on the way.
      const remembering = new TokenVerifier({ ...shared, maxCacheBytes: 9000 })
      const forgetful = new TokenVerifier({ ...shared, maxCacheBytes: 0 })
      for (const event of history) {
        if ('advance' in event) clock.advance(event.advance)
        else if ('keys' in event) held.set(...(sets[event.keys]?.() ?? []))
        else if ('revoke' in event) revocations.set(...event.revoke)
        else if ('unknown' in event) revocations.reason = event.unknown
        else {
          const token = tokens[event.verify] ?? ''
          const expected = await outcome(forgetful, token)
          const atOnce = remembering.recall(token)
          if (atOnce !== undefined) {
            recalled += 1
            expect(atOnce).toEqual(expected)
          }
          expect(await outcome(remembering, token)).toEqual(expected)
        }
      }
    }),
    { numRuns: 150 },
  )
  expect(recalled).toBeGreaterThan(100)
})

const outcome = (verifier: TokenVerifier, token: string): Promise<unknown> =>
  verifier.verify(token).catch((error: unknown) => (error as { code: string }).code)
