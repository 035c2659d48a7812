import type { TokenRevocation, TokenRevocationSpec } from '../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../src/time/clock.ts'

export const createdAt = Date.parse('2026-06-01T00:00:00Z')

/** A TokenRevocation of the identity shop/orders. */
export function tokenRevocation(
  spec: Partial<TokenRevocationSpec>,
  differences: Partial<Omit<TokenRevocation, 'spec'>> = {},
): TokenRevocation {
  return {
    apiVersion: 'signet.dev/v1alpha1',
    kind: 'TokenRevocation',
    metadata: { name: 'leak', namespace: 'shop', uid: 'u1', generation: 1, creationTimestamp: formatTime(createdAt) },
    spec: { identity: 'orders', ...spec },
    ...differences,
  }
}
