import type { KeySlot } from './key-ring.ts'
import type { PublicJwk } from '../public-jwk.ts'
import type { Signer } from '../signer.ts'
import { verifySignature } from '../verify-signature.ts'

/** Adds an endorsement by the signer to each slot that is new. */
export async function endorsed(
  slots: readonly KeySlot[],
  before: readonly KeySlot[],
  signer: Signer,
): Promise<readonly KeySlot[]> {
  const known = new Set(before.map(({ keyID }) => keyID))
  return Promise.all(
    slots.map(async (slot): Promise<KeySlot> => {
      if (known.has(slot.keyID) || slot.keyID === signer.keyID) return slot
      const signature = await signer.sign(endorsementText(slot.keyID))
      return { ...slot, endorsedBy: { keyID: signer.keyID, signature: signature.toString('base64url') } }
    }),
  )
}

/**
 * The kids of the known keys and of the keys that descend from them by endorsements. Slots are ordered oldest first.
 */
export function descendants(slots: readonly KeySlot[], known: readonly PublicJwk[]): ReadonlySet<string> {
  const keys = new Map(known.map((key) => [key.kid, key]))
  for (const { keyID, publicJwk, endorsedBy } of slots) {
    const by = endorsedBy && keys.get(endorsedBy.keyID)
    if (by === undefined || keys.has(keyID)) continue
    const signature = Buffer.from(endorsedBy?.signature ?? '', 'base64url')
    if (verifySignature(by, endorsementText(keyID), signature)) keys.set(keyID, publicJwk)
  }
  return new Set(keys.keys())
}

/**
 * The signed text. The kid is the thumbprint of the key. The first line distinguishes the text from others that keys
 * sign.
 */
function endorsementText(keyID: string): string {
  return `signet.dev/key-ring endorsement\n${keyID}`
}
