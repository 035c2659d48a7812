import { isRecord } from '../json.ts'
import { SignetError } from '../errors.ts'
import { DAY, HOUR } from '../time/duration.ts'
import type { RotationSettings } from '../rotation/schedule.ts'
import { activeSlot, advance, lookAgainAt, needsSuccessor, type Slot, type SlotChange } from '../rotation/slots.ts'

/** A certificate authority in its life cycle. The private key is gone once it is retired. */
interface AuthoritySlot extends Slot {
  readonly certificatePem: string
  readonly privateKeyPem?: string
  /** Milliseconds since the epoch, both. */
  readonly notBefore: number
  readonly notAfter: number
}

/** The trust domain's certificate authorities: one signs, the others are trusted before or after it. */
export interface AuthoritySet {
  readonly slots: readonly AuthoritySlot[]
}

/** Durations in milliseconds. */
export interface AuthorityLifetimes {
  /** Of a certificate authority, from creation to `notAfter`. */
  readonly authority: number
  /** Of the longest certificate that it signs. */
  readonly leaf: number
}

/** A stored set cannot be used: `ERR_AUTHORITY_SET_FORM`. */
class AuthoritySetError extends SignetError {}

/** One write of the set: what it shall be, and whether a fresh authority has to be put into it first. */
interface AuthorityStep {
  readonly set: AuthoritySet
  readonly changes: readonly { readonly keyID: string; readonly change: SlotChange }[]
  readonly needsSuccessor: boolean
  readonly unchanged: boolean
}

/** What time makes of the set: the same life cycle as a signing key's, published by being in the bundle. */
export function decideAuthorities(set: AuthoritySet, lifetimes: AuthorityLifetimes, now: number): AuthorityStep {
  const circumstances = circumstancesOf(lifetimes, now)
  // One that has ended, as after a long stop, or begins in the future can sign nothing: its successor signs at once.
  const valid = set.slots.filter(({ notBefore, notAfter }) => notBefore <= now && now < notAfter)
  const { slots, changes } = advance(valid, circumstances, withoutPrivateKey)
  const successor = needsSuccessor(slots, circumstances)
  const unchanged = slots.length === set.slots.length && slots.every((slot, index) => slot === set.slots[index])
  return { set: { slots }, changes, needsSuccessor: successor, unchanged: unchanged && !successor }
}

/** The set with a fresh authority: it signs at once where it is the first, and is trusted ahead otherwise. */
export function withNewAuthority(
  set: AuthoritySet,
  authority: Pick<AuthoritySlot, 'keyID' | 'certificatePem' | 'privateKeyPem' | 'notBefore' | 'notAfter'>,
  lifetimes: AuthorityLifetimes,
  now: number,
): AuthoritySet {
  const first = activeSlot(set.slots) === undefined
  const slot = { ...authority, longestUse: lifetimes.leaf, publishedAt: now }
  return {
    slots: [
      ...set.slots,
      first ? { ...slot, state: 'Active', activeAt: now, urgent: true } : { ...slot, state: 'Published' },
    ],
  }
}

export function authoritiesLookAgainAt(
  set: AuthoritySet,
  lifetimes: AuthorityLifetimes,
  now: number,
): number | undefined {
  return lookAgainAt(set.slots, circumstancesOf(lifetimes, now))
}

/** The one that signs, with its key. */
export function signingAuthority(set: AuthoritySet): { certificatePem: string; privateKeyPem: string } | undefined {
  const { certificatePem, privateKeyPem } = activeSlot(set.slots) ?? {}
  return certificatePem === undefined || privateKeyPem === undefined ? undefined : { certificatePem, privateKeyPem }
}

export function encodeAuthoritySet(set: AuthoritySet): string {
  return JSON.stringify({ version: 1, ...set })
}

/** Throws AuthoritySetError, which never shows what the text holds. */
export function decodeAuthoritySet(text: string): AuthoritySet {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new AuthoritySetError('ERR_AUTHORITY_SET_FORM', 'certificate authorities are not JSON')
  }
  const slots = isRecord(value) && value.version === 1 ? value.slots : undefined
  if (!Array.isArray(slots) || !slots.every(isSlot)) {
    throw new AuthoritySetError('ERR_AUTHORITY_SET_FORM', 'certificate authorities have an unknown form')
  }
  return { slots }
}

/**
 * An authority is replaced after two thirds of its life, trusted a day ahead (less where it lives for less than
 * twelve days), and stays trusted until the last certificate that it signed has ended.
 */
function circumstancesOf({ authority }: AuthorityLifetimes, now: number) {
  const settings: RotationSettings = {
    rotationPeriod: Math.floor((authority * 2) / 3),
    publishAhead: Math.min(DAY, Math.floor(authority / 12)),
    retention: Math.min(HOUR, Math.floor(authority / 12)),
    seed: 'certificate-authority',
  }
  return { now, settings, visible: () => true, hurry: false }
}

function withoutPrivateKey(slot: AuthoritySlot): AuthoritySlot {
  const { privateKeyPem: _dropped, ...kept } = slot
  return kept
}

function isSlot(slot: unknown): slot is AuthoritySlot {
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
