import type { PublicJwk } from '../../keys/public-jwk.ts'
import { maxAge } from './document.ts'

/**
 * The SPIFFE bundle of the trust domain (SPIFFE Trust Domain and Bundle §4), sorted by `kid`: what may sign JWT-SVIDs.
 * A JWK has no members but those that the standard gives it (§4.2), so the subject that a key is bound to is told by the
 * JWK Sets only. There are no X.509 authorities in it: no workload has a certificate.
 */
export function spiffeBundle(keys: readonly PublicJwk[], sequence: number): string {
  const sorted = [...keys].sort((one, other) => (one.kid < other.kid ? -1 : 1))
  return JSON.stringify({
    keys: sorted.map(({ kty, crv, x, y, n, e, kid }) => ({ kty, crv, x, y, n, e, kid, use: 'jwt-svid' })),
    spiffe_sequence: sequence,
    // As long as any document may be kept, which is shorter than any key is published ahead by default.
    spiffe_refresh_hint: maxAge,
  })
}
