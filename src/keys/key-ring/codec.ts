import { checkKeyPair, type PrivateJwk } from '../signing-key.ts'
import { decryptPrivateKey, encryptPrivateKey, type KeyEncryptionKeys } from './encryption.ts'
import { KeyRingError } from './errors.ts'
import type { KeyRing, KeySlot, SealedKeyRing } from './key-ring.ts'
import { parseKeyRing, type StoredForm, type StoredSlot } from './parse.ts'
import { checkSeal } from './seal.ts'

/**
 * The ring is validly sealed, but its private keys cannot be decrypted, because the key-encryption key in the message
 * is not configured: `ERR_KEY_RING_LOCKED`. `ring` is the ring without private keys.
 */
export class LockedKeyRingError extends KeyRingError {
  readonly ring: SealedKeyRing

  constructor(keyEncryptionKey: string, ring: SealedKeyRing) {
    super('ERR_KEY_RING_LOCKED', `key-encryption key ${keyEncryptionKey} is needed to read the key ring`)
    this.ring = ring
  }
}

/** The JSON to store. Private keys are encrypted with the current key-encryption key, or plain if there is none. */
export function encodeKeyRing({ subject, slots, ...rest }: SealedKeyRing, encryption?: KeyEncryptionKeys): string {
  const stored = slots.map((slot): StoredSlot => {
    const { privateJwk, ...kept } = slot
    if (encryption === undefined || privateJwk === undefined) return slot
    return { ...kept, encryptedKey: encryptPrivateKey(privateJwk, encryption, { subject, keyID: slot.keyID }) }
  })
  return JSON.stringify({ version: 1, ...rest, subject, slots: stored })
}

interface DecodeOptions {
  /** Absent: private keys are stored unencrypted. */
  readonly encryption?: KeyEncryptionKeys | undefined
  /** Whether the same text has passed before; signatures are then not verified again. */
  readonly known?: boolean
}

/**
 * Parses a stored ring and checks its integrity: every kid is the thumbprint of its key, private and public halves
 * match, every key is bound to the ring's subject, at most one key is active, and one of the ring's keys made the seal
 * over all this. Does not check whether that key is trusted. Throws a KeyRingError, whose message contains nothing of
 * the ring, or a LockedKeyRingError.
 */
export function decodeKeyRing(text: string, { encryption, known = false }: DecodeOptions = {}): SealedKeyRing {
  const { ring, locked } = decrypted(parseKeyRing(text), encryption)
  if (!known) {
    checkSlots(ring, locked === undefined)
    checkSeal(ring)
  }
  if (locked !== undefined) throw new LockedKeyRingError(locked, { ...ring, slots: ring.slots.map(withoutPrivateHalf) })
  return ring
}

/** Whether the stored ring has private keys that are not encrypted with the current key-encryption key. */
export function isOutdatedEncryption(text: string, { current }: KeyEncryptionKeys): boolean {
  return parseKeyRing(text).slots.some(
    ({ privateJwk, encryptedKey }) =>
      privateJwk !== undefined || (encryptedKey !== undefined && encryptedKey.keyEncryptionKey !== current),
  )
}

function checkSlots({ slots, subject }: KeyRing, readable: boolean): void {
  for (const { keyID, algorithm, publicJwk, privateJwk } of slots) {
    if (publicJwk.kid !== keyID || publicJwk.alg !== algorithm) {
      throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${keyID} does not match its slot`)
    }
    if (publicJwk.sub !== subject) {
      throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${keyID} is bound to another subject`)
    }
    if (!checkKeyPair(publicJwk, readable ? privateJwk : undefined)) {
      throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${keyID} does not match its key ID`)
    }
  }
  const kids = new Set(slots.map(({ keyID }) => keyID))
  const active = slots.filter(({ state }) => state === 'Active')
  if (kids.size !== slots.length || active.length > 1) {
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', 'key ring has duplicate keys or two active keys')
  }
  if (active.some(({ privateJwk }) => privateJwk === undefined)) {
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', 'active key has no private half')
  }
}

/** Decrypts the private halves. `locked` is the ID of a key-encryption key that is not configured. */
function decrypted(
  { slots, ...rest }: StoredForm,
  encryption: KeyEncryptionKeys | undefined,
): { ring: SealedKeyRing; locked?: string } {
  let locked: string | undefined
  const opened = slots.map(({ encryptedKey, ...slot }): KeySlot => {
    if (encryptedKey === undefined) return slot
    if (encryption?.keys.has(encryptedKey.keyEncryptionKey) !== true) {
      locked ??= encryptedKey.keyEncryptionKey
      return { ...slot, privateJwk: unread }
    }
    const context = { subject: rest.subject, keyID: slot.keyID }
    const privateJwk = decryptPrivateKey(encryptedKey, encryption, context)
    if (privateJwk !== undefined) return { ...slot, privateJwk }
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${slot.keyID} cannot be decrypted`)
  })
  return { ring: { ...rest, slots: opened }, ...(locked === undefined ? {} : { locked }) }
}

/** Stands for a private half that cannot be decrypted, because the seal covers whether one exists. */
const unread: PrivateJwk = { kty: 'EC', d: '' }

function withoutPrivateHalf(slot: KeySlot): KeySlot {
  const { privateJwk: _unread, ...rest } = slot
  return rest
}
