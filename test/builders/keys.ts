import type { KeyRing, KeySlot } from '../../src/keys/key-ring/key-ring.ts'
import type { Algorithm } from '../../src/keys/algorithm.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import type { WantedKeys } from '../../src/policy/signing-key.ts'
import { HOUR } from '../../src/time/duration.ts'

export const subject = 'spiffe://cluster.local/ns/shop/sa/orders'

/** A slot with a key made for this test. */
export async function keySlot(differences: Partial<KeySlot> = {}, algorithm: Algorithm = 'ES256'): Promise<KeySlot> {
  const { keyID, publicJwk, privateJwk } = await generateSigningKey(algorithm, subject)
  return { keyID, algorithm, publicJwk, privateJwk, state: 'Published', longestUse: HOUR, ...differences }
}

export function keyRing(slots: readonly KeySlot[], differences: Partial<KeyRing> = {}): KeyRing {
  return { uid: 'uid-1', subject, slots, ...differences }
}

export function wantedKeys(differences: Partial<WantedKeys> = {}): WantedKeys {
  return { algorithm: 'ES256', rotationPeriod: 24 * HOUR, publishAhead: HOUR, longestUse: HOUR, ...differences }
}
