import type { PublicJwk } from '../../keys/public-jwk.ts'
import { maxAge } from './document.ts'

/**
 * The SPIFFE bundle of the trust domain (SPIFFE Trust Domain and Bundle §4): the keys that sign JWT-SVIDs, sorted by
 * `kid`. A JWK of a bundle has only standard members (§4.2), so the subject that a key is bound to appears in the JWK Sets
 * only. The bundle has no X.509 authorities, because workloads have no certificates.
 */
export function spiffeBundle(keys: readonly PublicJwk[], sequence: number): string {
  const sorted = [...keys].sort((one, other) => (one.kid < other.kid ? -1 : 1))
  return JSON.stringify({
    keys: sorted.map(({ kty, crv, x, y, n, e, kid }) => ({ kty, crv, x, y, n, e, kid, use: 'jwt-svid' })),
    spiffe_sequence: sequence,
    // As `max-age`, in seconds; by default keys are published ahead for longer.
    spiffe_refresh_hint: maxAge,
  })
}
