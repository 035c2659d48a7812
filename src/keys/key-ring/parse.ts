import { maxSlots } from '../../rotation/slots.ts'
import { isAlgorithm } from '../algorithm.ts'
import { type EncryptedKey, isEncryptedKey } from './encryption.ts'
import { KeyRingError } from './errors.ts'
import type { Endorsement, KeyRing, KeySlot, Seal } from './key-ring.ts'
import { isRecord } from '../../json.ts'

/** A slot as stored. The private half, if there is one, is plain or encrypted. */
export interface StoredSlot extends KeySlot {
  readonly encryptedKey?: EncryptedKey
}

/** A ring as stored, with only its form checked. */
export interface StoredForm extends KeyRing {
  readonly seal: Seal
  readonly slots: readonly StoredSlot[]
}

/** Parses the JSON of a ring. Does not check the key material. Throws a KeyRingError `ERR_KEY_RING_FORM`. */
export function parseKeyRing(text: string): StoredForm {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new KeyRingError('ERR_KEY_RING_FORM', 'key ring is not JSON')
  }
  if (!isRecord(value) || value.version !== 1 || typeof value.uid !== 'string' || !isSubject(value.subject)) {
    throw new KeyRingError('ERR_KEY_RING_FORM', 'key ring has an unknown form')
  }
  const { uid, subject, rotationRequest, slots, seal } = value
  if (!Array.isArray(slots) || slots.length > maxSlots + 1)
    throw new KeyRingError('ERR_KEY_RING_FORM', 'key ring has no list of keys')
  if (!isSeal(seal)) throw new KeyRingError('ERR_KEY_RING_FORM', 'key ring has no seal')
  return {
    uid,
    subject,
    seal: { keyID: seal.keyID, sequence: seal.sequence, signature: seal.signature },
    slots: slots.map(parseSlot),
    ...(typeof rotationRequest === 'string' ? { rotationRequest } : {}),
  }
}

/** The issuing keys have no subject. The seal covers the subject, so that it cannot be changed, added or removed. */
function isSubject(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '')
}

const states = ['Published', 'Active', 'Retired', 'Revoked']
const times = ['publishedAt', 'publishAhead', 'activeAt', 'retiredAt', 'removeAt']

function parseSlot(slot: unknown): StoredSlot {
  const whole =
    isRecord(slot) &&
    typeof slot.keyID === 'string' &&
    typeof slot.state === 'string' &&
    states.includes(slot.state) &&
    isAlgorithm(slot.algorithm) &&
    Number.isSafeInteger(slot.longestUse) &&
    (slot.endorsedBy === undefined || isEndorsement(slot.endorsedBy)) &&
    times.every((name) => slot[name] === undefined || Number.isSafeInteger(slot[name])) &&
    isRecord(slot.publicJwk) &&
    (slot.privateJwk === undefined || isRecord(slot.privateJwk)) &&
    (slot.encryptedKey === undefined || (isEncryptedKey(slot.encryptedKey) && slot.privateJwk === undefined))
  if (!whole) throw new KeyRingError('ERR_KEY_RING_FORM', 'key ring has a key of unknown form')
  // Every member that is used is checked above, except the key material, which checkKeyPair checks.
  return slot as unknown as StoredSlot
}

function isEndorsement(value: unknown): value is Endorsement {
  return isRecord(value) && typeof value.keyID === 'string' && typeof value.signature === 'string'
}

function isSeal(value: unknown): value is Record<string, unknown> & Seal {
  return (
    isRecord(value) &&
    typeof value.keyID === 'string' &&
    Number.isSafeInteger(value.sequence) &&
    typeof value.signature === 'string'
  )
}
