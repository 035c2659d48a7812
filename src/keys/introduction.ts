import type { KeySlot } from './key-set.ts'
import type { PublicJwk } from './signing-key.ts'
import type { Signer } from './signer.ts'
import { verifySignature } from './verify-signature.ts'

/**
 * Who brought a key into its ring: a signature over its kid by the key that sealed that write. It lasts as long as the
 * key does, so that whoever has missed the writes in between can tell that a key descends from one that he knows.
 */
export interface Introduction {
  readonly keyID: string
  /** base64url, over `introductionText`. */
  readonly signature: string
}

/** The slots with an introduction by the signer of each that was not there before. */
export async function introduced(
  slots: readonly KeySlot[],
  before: readonly KeySlot[],
  signer: Signer,
): Promise<readonly KeySlot[]> {
  const known = new Set(before.map(({ keyID }) => keyID))
  return Promise.all(
    slots.map(async (slot): Promise<KeySlot> => {
      if (known.has(slot.keyID) || slot.keyID === signer.keyID) return slot
      const signature = await signer.sign(introductionText(slot.keyID))
      return { ...slot, introducedBy: { keyID: signer.keyID, signature: signature.toString('base64url') } }
    }),
  )
}

/** kids of the known keys, and of those that descend from one of them. The oldest slot comes first. */
export function descendants(slots: readonly KeySlot[], known: readonly PublicJwk[]): ReadonlySet<string> {
  const keys = new Map(known.map((key) => [key.kid, key]))
  for (const { keyID, publicJwk, introducedBy } of slots) {
    const by = introducedBy && keys.get(introducedBy.keyID)
    if (by === undefined || keys.has(keyID)) continue
    const signature = Buffer.from(introducedBy?.signature ?? '', 'base64url')
    if (verifySignature(by, introductionText(keyID), signature)) keys.set(keyID, publicJwk)
  }
  return new Set(keys.keys())
}

/** The kid is the thumbprint of the whole key. The first line keeps it apart from what else such a key signs. */
function introductionText(keyID: string): string {
  return `signet.dev/key-ring introduction\n${keyID}`
}
