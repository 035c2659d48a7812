import { HOUR } from '../../src/time/duration.ts'
import { authorityUid } from '../../src/identity/key-owner.ts'
import type { Algorithm } from '../../src/keys/algorithm.ts'
import { sealKeyRing } from '../../src/keys/key-ring/seal.ts'
import type { KeyRing, KeySlot, SealedKeyRing } from '../../src/keys/key-ring/key-ring.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'

/** A slot of the authority's ring, with a key made for this test that is bound to no subject. */
export async function authoritySlot(
  differences: Partial<KeySlot> = {},
  { algorithm = 'ES256', subject }: { algorithm?: Algorithm; subject?: string } = {},
): Promise<KeySlot> {
  const { keyID, publicJwk, privateJwk } = await generateSigningKey(algorithm, subject)
  return { keyID, algorithm, publicJwk, privateJwk, state: 'Active', activeAt: 1, longestUse: HOUR, ...differences }
}

/** The authority's ring, sealed as the controller seals it over `previous`. */
export function authorityRing(
  slots: readonly KeySlot[],
  { previous, ...differences }: Partial<KeyRing> & { previous?: SealedKeyRing } = {},
): Promise<SealedKeyRing> {
  return sealKeyRing({ uid: authorityUid, subject: undefined, slots, ...differences }, previous)
}

/** A slot as retirement leaves it. */
export function retired(active: KeySlot): KeySlot {
  const { privateJwk: _dropped, ...slot } = active
  return { ...slot, state: 'Retired', retiredAt: 2, removeAt: 3 }
}
