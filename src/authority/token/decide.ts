import { MINUTE } from '../../time/duration.ts'
import { authorityUid } from '../../identity/key-owner.ts'
import { serializeJwks } from '../../keys/jwks.ts'
import type { KeySlot, SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import { signingSlot } from '../../policy/signing-key.ts'
import { keyRetention } from '../../rotation/lifetimes.ts'
import { activeSlot } from '../../rotation/slots.ts'

interface IssuingRingEvidence {
  /** The stored ring, as this replica last observed it; undefined if it is missing or unreadable. */
  readonly seen: SealedKeyRing | undefined
  /** The ring that this replica has signed with so far. */
  readonly lastGood: SealedKeyRing | undefined
  /** The issuing keys that this replica serves: stored in the public ConfigMap and available to verifiers. */
  readonly published: readonly PublicJwk[]
  readonly now: number
}

/**
 * Chooses the ring to sign with. A new ring replaces the last good one only if its active key is published, so that write
 * access to the Secret alone is not enough to replace the keys. An older ring, restored from a backup, is not used while
 * the last good ring can still sign.
 */
export function ringToSignBy({ seen, lastGood, published, now }: IssuingRingEvidence): SealedKeyRing | undefined {
  if (seen === undefined || seen === lastGood || !isIssuingRing(seen)) return lastGood
  if (issuingSlot(seen, published, now) === undefined) return revokes(seen, lastGood) ? undefined : lastGood
  const older = lastGood !== undefined && seen.seal.sequence < lastGood.seal.sequence
  return older && issuingSlot(lastGood, published, now) !== undefined ? lastGood : seen
}

/**
 * The slot of the ring whose key may sign: active since a time that is at most `clockTolerance` ahead of the clock, and
 * published as the same JWK without a subject. A revoked key is no longer published.
 */
export function issuingSlot(ring: SealedKeyRing, published: readonly PublicJwk[], now: number): KeySlot | undefined {
  const slot = signingSlot({ ring, published })
  if (slot?.activeAt === undefined || slot.activeAt > now + clockTolerance) return undefined
  const stored = published.filter(({ kid }) => kid === slot.keyID)
  const same = stored.every((key) => key.sub === undefined && serializeJwks([key]) === serializeJwks([slot.publicJwk]))
  return same ? slot : undefined
}

/**
 * How long a replica may sign with a ring that it can no longer confirm as the stored one, in milliseconds. The active key
 * may have been retired immediately afterwards. It stays published for the maximum lifetime of a token plus
 * `keyRetention`, so a token signed within `keyRetention` verifies until it expires (I1); 15 minutes are left for clocks.
 */
export const longestUnconfirmed = keyRetention - 15 * MINUTE

/**
 * Whether the stored ring revokes the active key of the last good ring, although the key may still be served here. True
 * only for a later write that the seal attributes to the holder of the last good ring's keys.
 */
function revokes(seen: SealedKeyRing, lastGood: SealedKeyRing | undefined): boolean {
  if (lastGood === undefined || seen.seal.sequence <= lastGood.seal.sequence) return false
  if (!lastGood.slots.some(({ keyID }) => keyID === seen.seal.keyID)) return false
  const active = activeSlot(lastGood.slots)?.keyID
  return seen.slots.some(({ keyID, state }) => keyID === active && state === 'Revoked')
}

function isIssuingRing({ uid, subject }: SealedKeyRing): boolean {
  return uid === authorityUid && subject === undefined
}
