import { checkKeyPair, type PrivateJwk } from '../signing-key.ts'
import { decryptPrivateKey, encryptPrivateKey, type KeyEncryptionKeys } from './encryption.ts'
import { KeyRingError } from './errors.ts'
import type { KeyRing, KeySlot, SealedKeyRing } from './key-ring.ts'
import { parseKeyRing, type StoredForm, type StoredSlot } from './parse.ts'
import { checkSeal } from './seal.ts'

/**
 * The ring is sealed as it should be, but its private keys cannot be decrypted: the key-encryption key that the message
 * names is not among ours. `ring` is the rest of it.
 */
export class LockedKeyRingError extends KeyRingError {
  readonly ring: SealedKeyRing

  constructor(keyEncryptionKey: string, ring: SealedKeyRing) {
    super('ERR_KEY_RING_LOCKED', `key-encryption key ${keyEncryptionKey} is needed to read the key ring`)
    this.ring = ring
  }
}

/** The text that is stored: private keys encrypted with the current key-encryption key, or in clear where there is none. */
export function encodeKeyRing({ subject, slots, ...rest }: SealedKeyRing, encryption?: KeyEncryptionKeys): string {
  const stored = slots.map((slot): StoredSlot => {
    const { privateJwk, ...kept } = slot
    if (encryption === undefined || privateJwk === undefined) return slot
    return { ...kept, encryptedKey: encryptPrivateKey(privateJwk, encryption, { subject, keyID: slot.keyID }) }
  })
  return JSON.stringify({ version: 1, ...rest, subject, slots: stored })
}

interface DecodeOptions {
  /** Absent: private keys are stored in clear. */
  readonly encryption?: KeyEncryptionKeys | undefined
  /** This very text has been decoded before: what costs signatures is not checked again. */
  readonly known?: boolean
}

/**
 * Parses a stored ring and checks that it is whole: every kid is the thumbprint of its key, the halves belong
 * together, all keys are bound to the ring's subject, at most one is active, and the seal was made over all that by one
 * of the ring's keys. Whether that key may be believed is the caller's to decide. Throws KeyRingError, which never shows
 * what the ring holds, and LockedKeyRingError.
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

/** Whether the stored text has private keys that the current key-encryption key did not encrypt. */
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
      throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${keyID} is not what its key ID says`)
    }
  }
  const kids = new Set(slots.map(({ keyID }) => keyID))
  const active = slots.filter(({ state }) => state === 'Active')
  if (kids.size !== slots.length || active.length > 1) {
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', 'key ring has a key twice or two active keys')
  }
  if (active.some(({ privateJwk }) => privateJwk === undefined)) {
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', 'active key has no private half')
  }
}

/** The ring with its private halves; with `locked`, the ID of a key-encryption key that is not ours, they are not read. */
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
    throw new KeyRingError('ERR_KEY_RING_INTEGRITY', `key ${slot.keyID} does not decrypt`)
  })
  return { ring: { ...rest, slots: opened }, ...(locked === undefined ? {} : { locked }) }
}

/** Stands for a private half that is there and cannot be read: the seal tells whether there is one. */
const unread: PrivateJwk = { kty: 'EC', d: '' }

function withoutPrivateHalf(slot: KeySlot): KeySlot {
  const { privateJwk: _unread, ...rest } = slot
  return rest
}
