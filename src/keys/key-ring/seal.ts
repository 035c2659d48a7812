import { canonicalJson } from '../../json.ts'
import { endorsed } from './endorsement.ts'
import { KeyRingError } from './errors.ts'
import type { KeyRing, KeySlot, Seal, SealedKeyRing } from './key-ring.ts'
import { createSigner } from '../signer.ts'
import { verifySignature } from '../verify-signature.ts'

/** Seals a ring that replaces `previous` (undefined for a first ring). Throws a TypeError if no key can sign. */
export async function sealKeyRing(ring: KeyRing, previous: SealedKeyRing | undefined): Promise<SealedKeyRing> {
  const kept = new Set(ring.slots.map(({ keyID }) => keyID))
  const slot = sealingSlot(previous?.slots.filter(({ keyID }) => kept.has(keyID)) ?? []) ?? sealingSlot(ring.slots)
  if (slot?.privateJwk === undefined) throw new TypeError('key ring has no key that can seal it')
  const { keyID, algorithm, privateJwk } = slot
  const signer = createSigner({ keyID, algorithm, privateJwk })
  const sequence = (previous?.seal.sequence ?? 0) + 1
  const slots = previous === undefined ? ring.slots : await endorsed(ring.slots, previous.slots, signer)
  const sealed = { ...ring, slots }
  const signature = await signer.sign(sealedText(sealed, { keyID, sequence }))
  return { ...sealed, seal: { keyID, sequence, signature: signature.toString('base64url') } }
}

/** Throws a KeyRingError `ERR_KEY_RING_SEAL` unless one of the ring's keys made the seal over the ring's content. */
export function checkSeal(ring: SealedKeyRing): void {
  const { seal, slots } = ring
  const slot = slots.find(({ keyID }) => keyID === seal.keyID)
  if (slot === undefined) throw new KeyRingError('ERR_KEY_RING_SEAL', 'key ring is sealed by a key that is not in it')
  if (!verifySignature(slot.publicJwk, sealedText(ring, seal), Buffer.from(seal.signature, 'base64url'))) {
    throw new KeyRingError('ERR_KEY_RING_SEAL', 'seal does not match the content of the key ring')
  }
}

/** The active key, or a published one if the active key was lost. */
function sealingSlot(slots: readonly KeySlot[]): KeySlot | undefined {
  const able = slots.filter(({ privateJwk }) => privateJwk !== undefined)
  return able.find(({ state }) => state === 'Active') ?? able.find(({ state }) => state === 'Published')
}

/**
 * The signed text. It has the presence of private halves instead of their content: `checkKeyPair` binds them to the
 * public halves, and re-encryption keeps the seal valid. The first line distinguishes the text from any JWS signing
 * input (RFC 7515 §5.1), which contains neither spaces nor braces.
 */
function sealedText(ring: KeyRing, { keyID, sequence }: Pick<Seal, 'keyID' | 'sequence'>): string {
  const { uid, subject, rotationRequest } = ring
  const slots = ring.slots.map(({ privateJwk, ...slot }) => ({ ...slot, private: privateJwk !== undefined }))
  return `signet.dev/key-ring seal\n${canonicalJson({ uid, subject, rotationRequest, slots, keyID, sequence })}`
}
