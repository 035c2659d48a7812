import { MINUTE } from '../../time/duration.ts'
import { authorityUid } from '../../identity/key-owner.ts'
import { serializeJwks } from '../../keys/jwks.ts'
import type { KeySlot, SealedKeyRing } from '../../keys/key-ring/key-ring.ts'
import type { PublicJwk } from '../../keys/public-jwk.ts'
import { clockTolerance } from '../../time/clock-tolerance.ts'
import { signingSlot } from '../../policy/signing-key.ts'
import { keyRetention } from '../../rotation/lifetimes.ts'
import { activeSlot } from '../../rotation/slots.ts'

interface OwnRingEvidence {
  /** The ring as it is stored, as far as this replica can tell and read it. */
  readonly seen: SealedKeyRing | undefined
  /** The ring that this replica has signed by so far. */
  readonly lastGood: SealedKeyRing | undefined
  /** What this replica serves of the authority's keys: stored in the public ConfigMap, and found by verifiers. */
  readonly published: readonly PublicJwk[]
  readonly now: number
}

/**
 * The ring to sign by. Another than the last good one is taken only where its active key is published: who can write the
 * Secret, but neither read it nor write the public ConfigMap, cannot make one. An older one, put back by somebody, is
 * not taken while the last good one still signs.
 */
export function ringToSignBy({ seen, lastGood, published, now }: OwnRingEvidence): SealedKeyRing | undefined {
  if (seen === undefined || seen === lastGood || !isOwn(seen)) return lastGood
  if (issuingSlot(seen, published, now) === undefined) return revokes(seen, lastGood) ? undefined : lastGood
  const older = lastGood !== undefined && seen.seal.sequence < lastGood.seal.sequence
  return older && issuingSlot(lastGood, published, now) !== undefined ? lastGood : seen
}

/**
 * The key of the ring that may sign: active, its activation not ahead of the clock, and published by the very same JWK,
 * bound to no subject. A key that was revoked is not published any more.
 */
export function issuingSlot(ring: SealedKeyRing, published: readonly PublicJwk[], now: number): KeySlot | undefined {
  const slot = signingSlot({ ring, published })
  if (slot?.activeAt === undefined || slot.activeAt > now + clockTolerance) return undefined
  const stored = published.filter(({ kid }) => kid === slot.keyID)
  const same = stored.every((key) => key.sub === undefined && serializeJwks([key]) === serializeJwks([slot.publicJwk]))
  return same ? slot : undefined
}

/**
 * How long a ring may be signed by after it was last known to be the one that is stored, in milliseconds. Its active key
 * may have been retired in the next moment. It then stays published for the longest lifetime of a token and
 * `keyRetention`, so a token signed within the latter still verifies until it expires (I1); the rest is for clocks.
 */
export const longestUnconfirmed = keyRetention - 15 * MINUTE

/**
 * Whether the key that has signed so far was revoked, though it may still be served here: by a later write of whoever has
 * the keys of the last good ring, as the seal says.
 */
function revokes(seen: SealedKeyRing, lastGood: SealedKeyRing | undefined): boolean {
  if (lastGood === undefined || seen.seal.sequence <= lastGood.seal.sequence) return false
  if (!lastGood.slots.some(({ keyID }) => keyID === seen.seal.keyID)) return false
  const active = activeSlot(lastGood.slots)?.keyID
  return seen.slots.some(({ keyID, state }) => keyID === active && state === 'Revoked')
}

function isOwn({ uid, subject }: SealedKeyRing): boolean {
  return uid === authorityUid && subject === undefined
}
