import { canonicalJson } from '../../json.ts'
import { endorsed } from './endorsement.ts'
import { KeyRingError } from './errors.ts'
import type { KeyRing, KeySlot, Seal, SealedKeyRing } from './key-ring.ts'
import { createSigner } from '../signer.ts'
import { verifySignature } from '../verify-signature.ts'

/** Seals what is to be written over a ring; `undefined` where there is none. Throws a TypeError where no key can sign. */
export async function sealKeyRing(ring: KeyRing, previous: SealedKeyRing | undefined): Promise<SealedKeyRing> {
  const kept = new Set(ring.slots.map(({ keyID }) => keyID))
  const slot = sealingSlot(previous?.slots.filter(({ keyID }) => kept.has(keyID)) ?? []) ?? sealingSlot(ring.slots)
  if (slot?.privateJwk === undefined) throw new TypeError('key ring has no key to be sealed with')
  const { keyID, algorithm, privateJwk } = slot
  const signer = createSigner({ keyID, algorithm, privateJwk })
  const sequence = (previous?.seal.sequence ?? 0) + 1
  const slots = previous === undefined ? ring.slots : await endorsed(ring.slots, previous.slots, signer)
  const sealed = { ...ring, slots }
  const signature = await signer.sign(sealedText(sealed, { keyID, sequence }))
  return { ...sealed, seal: { keyID, sequence, signature: signature.toString('base64url') } }
}

/** Throws `ERR_KEY_RING_SEAL` unless the seal was made over this very content by one of the ring's keys. */
export function checkSeal(ring: SealedKeyRing): void {
  const { seal, slots } = ring
  const slot = slots.find(({ keyID }) => keyID === seal.keyID)
  if (slot === undefined) throw new KeyRingError('ERR_KEY_RING_SEAL', 'key ring is sealed by a key that is not in it')
  if (!verifySignature(slot.publicJwk, sealedText(ring, seal), Buffer.from(seal.signature, 'base64url'))) {
    throw new KeyRingError('ERR_KEY_RING_SEAL', 'key ring is not what its seal was made for')
  }
}

/** An active key first; a published one where the active one was lost. */
function sealingSlot(slots: readonly KeySlot[]): KeySlot | undefined {
  const able = slots.filter(({ privateJwk }) => privateJwk !== undefined)
  return able.find(({ state }) => state === 'Active') ?? able.find(({ state }) => state === 'Published')
}

/**
 * What is signed. Private halves are in it by their presence only: they are bound to their public halves by
 * `checkKeyPair`, and encrypting them anew leaves the seal as it is. The first line keeps it apart from any JWS signing
 * input (RFC 7515 §5.1), which has neither spaces nor braces.
 */
function sealedText(ring: KeyRing, { keyID, sequence }: Pick<Seal, 'keyID' | 'sequence'>): string {
  const { uid, subject, rotationRequest } = ring
  const slots = ring.slots.map(({ privateJwk, ...slot }) => ({ ...slot, private: privateJwk !== undefined }))
  return `signet.dev/key-ring seal\n${canonicalJson({ uid, subject, rotationRequest, slots, keyID, sequence })}`
}
