import { isRecord } from '../json.ts'
import { SignetError } from '../errors.ts'
import { DAY, HOUR } from '../time/duration.ts'
import type { RotationSettings } from '../rotation/schedule.ts'
import { activeSlot, advance, nextChangeAt, needsSuccessor, type Slot, type SlotChange } from '../rotation/slots.ts'

/** A CA in its life cycle. Its private key is deleted when the CA is retired. */
interface CaSlot extends Slot {
  readonly certificatePem: string
  readonly privateKeyPem?: string
  /** Milliseconds since the epoch, both. */
  readonly notBefore: number
  readonly notAfter: number
}

/** The CAs of the trust domain: one signs; the others are trusted before or after their time of signing. */
export interface CaSet {
  readonly slots: readonly CaSlot[]
}

/** Durations in milliseconds. */
export interface CaLifetimes {
  /** Of a CA, from its creation to `notAfter`. */
  readonly ca: number
  /** Of the longest certificate that a CA signs. */
  readonly leaf: number
}

/** A stored set cannot be used: `ERR_CA_SET_FORM`. */
class CaSetError extends SignetError {}

/** One write of the set: its new content, and whether a new CA has to be added first. */
interface CaStep {
  readonly set: CaSet
  readonly changes: readonly { readonly keyID: string; readonly change: SlotChange }[]
  readonly needsSuccessor: boolean
  readonly unchanged: boolean
}

/**
 * Moves the set through its life cycle at the time `now`. A CA has the life cycle of a signing key; being in the trust
 * bundle is what being published is for a key.
 */
export function decideCaSet(set: CaSet, lifetimes: CaLifetimes, now: number): CaStep {
  const circumstances = circumstancesOf(lifetimes, now)
  // A CA that has expired (after a long stop) or begins in the future cannot sign, so its successor signs at once.
  const valid = set.slots.filter(({ notBefore, notAfter }) => notBefore <= now && now < notAfter)
  const { slots, changes } = advance(valid, circumstances, withoutPrivateKey)
  const successor = needsSuccessor(slots, circumstances)
  const unchanged = slots.length === set.slots.length && slots.every((slot, index) => slot === set.slots[index])
  return { set: { slots }, changes, needsSuccessor: successor, unchanged: unchanged && !successor }
}

/** The set with a new CA, which signs at once if the set had none, and is trusted ahead of signing otherwise. */
export function withNewCa(
  set: CaSet,
  ca: Pick<CaSlot, 'keyID' | 'certificatePem' | 'privateKeyPem' | 'notBefore' | 'notAfter'>,
  lifetimes: CaLifetimes,
  now: number,
): CaSet {
  const first = activeSlot(set.slots) === undefined
  const slot = { ...ca, longestUse: lifetimes.leaf, publishedAt: now }
  return {
    slots: [
      ...set.slots,
      first ? { ...slot, state: 'Active', activeAt: now, urgent: true } : { ...slot, state: 'Published' },
    ],
  }
}

/** When time alone next changes the set, in milliseconds since the epoch; undefined for never. */
export function caSetChangesAt(set: CaSet, lifetimes: CaLifetimes, now: number): number | undefined {
  return nextChangeAt(set.slots, circumstancesOf(lifetimes, now))
}

/** The CA that signs, with its private key; undefined if none can sign. */
export function signingCa(set: CaSet): { certificatePem: string; privateKeyPem: string } | undefined {
  const { certificatePem, privateKeyPem } = activeSlot(set.slots) ?? {}
  return certificatePem === undefined || privateKeyPem === undefined ? undefined : { certificatePem, privateKeyPem }
}

export function encodeCaSet(set: CaSet): string {
  return JSON.stringify({ version: 1, ...set })
}

/** Parses a stored set. Throws CaSetError, whose message never shows the content. */
export function decodeCaSet(text: string): CaSet {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new CaSetError('ERR_CA_SET_FORM', 'the stored CAs are not JSON')
  }
  const slots = isRecord(value) && value.version === 1 ? value.slots : undefined
  if (!Array.isArray(slots) || !slots.every(isSlot)) {
    throw new CaSetError('ERR_CA_SET_FORM', 'the stored CAs have an unknown form')
  }
  return { slots }
}

/**
 * A CA is replaced after two thirds of its life. Its successor is trusted a day before it signs (less if the CA lives for
 * less than twelve days), and the CA stays trusted until the last certificate that it signed has expired.
 */
function circumstancesOf({ ca }: CaLifetimes, now: number) {
  const settings: RotationSettings = {
    rotationPeriod: Math.floor((ca * 2) / 3),
    publishAhead: Math.min(DAY, Math.floor(ca / 12)),
    retention: Math.min(HOUR, Math.floor(ca / 12)),
    seed: 'certificate-authority',
  }
  return { now, settings, visible: () => true, hurry: false }
}

function withoutPrivateKey(slot: CaSlot): CaSlot {
  const { privateKeyPem: _dropped, ...kept } = slot
  return kept
}

function isSlot(slot: unknown): slot is CaSlot {
  return (
    isRecord(slot) &&
    typeof slot.keyID === 'string' &&
    typeof slot.state === 'string' &&
    ['Published', 'Active', 'Retired', 'Revoked'].includes(slot.state) &&
    typeof slot.certificatePem === 'string' &&
    typeof slot.longestUse === 'number' &&
    typeof slot.notBefore === 'number' &&
    typeof slot.notAfter === 'number' &&
    (slot.privateKeyPem === undefined || typeof slot.privateKeyPem === 'string')
  )
}
