import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { SignetError } from '../../errors.ts'
import { isCanonicalBase64url } from '../base64url.ts'
import { isRecord } from '../../json.ts'
import type { PrivateJwk } from '../signing-key.ts'

/**
 * The file of key-encryption keys is invalid: `ERR_KEY_ENCRYPTION_KEYS`. The message has the number of the line, never
 * its text.
 */
export class KeyEncryptionError extends SignetError {
  constructor(message: string) {
    super('ERR_KEY_ENCRYPTION_KEYS', message)
  }
}

/** Keys that encrypt private keys at rest. The current key encrypts; every key decrypts. */
export interface KeyEncryptionKeys {
  /** The ID of the current key. */
  readonly current: string
  /** ID → key of 32 bytes. */
  readonly keys: ReadonlyMap<string, Uint8Array>
}

/** A private JWK encrypted with AES-256-GCM (NIST SP 800-38D). Binary members are base64url. */
export interface EncryptedKey {
  /** The ID of the key-encryption key. */
  readonly keyEncryptionKey: string
  readonly iv: string
  readonly ciphertext: string
  readonly tag: string
}

/** The key that a ciphertext belongs to, as additional authenticated data: under another key it does not decrypt. */
interface EncryptionContext {
  /** Undefined for an issuing key. */
  readonly subject: string | undefined
  readonly keyID: string
}

const idForm = /^[A-Za-z0-9._-]{1,63}$/
const keyForm = /^[A-Za-z0-9+/]{43}=$/
const [ivLength, tagLength] = [12, 16]

/**
 * Parses the file of key-encryption keys: one line `ID:base64 of 32 bytes` per key, the current key first. Skips empty
 * lines and lines that begin with `#`. Throws a KeyEncryptionError.
 */
export function parseKeyEncryptionKeys(text: string): KeyEncryptionKeys {
  const keys = new Map<string, Uint8Array>()
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const colon = line.indexOf(':')
    const id = line.slice(0, Math.max(colon, 0))
    const key = line.slice(colon + 1).trim()
    const bytes = Buffer.from(key, 'base64')
    if (!idForm.test(id) || !keyForm.test(key) || bytes.toString('base64') !== key) {
      throw new KeyEncryptionError(`line ${index + 1} is not an ID, a colon and 32 bytes in base64`)
    }
    if (keys.has(id)) throw new KeyEncryptionError(`line ${index + 1} repeats an ID`)
    keys.set(id, bytes)
  }
  const [current] = keys.keys()
  if (current === undefined) throw new KeyEncryptionError('the file has no key')
  return { current, keys }
}

/** Encrypts with the current key and a fresh initialisation vector of 96 random bits. */
export function encryptPrivateKey(
  privateJwk: PrivateJwk,
  { current, keys }: KeyEncryptionKeys,
  context: EncryptionContext,
): EncryptedKey {
  const key = keys.get(current)
  if (key === undefined) throw new TypeError(`no key-encryption key ${current}`)
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: tagLength })
  cipher.setAAD(additionalData(current, context))
  const ciphertext = Buffer.concat([cipher.update(JSON.stringify(privateJwk), 'utf8'), cipher.final()])
  const text = (bytes: Buffer) => bytes.toString('base64url')
  return { keyEncryptionKey: current, iv: text(iv), ciphertext: text(ciphertext), tag: text(cipher.getAuthTag()) }
}

/** Decrypts a private JWK. Undefined if the ciphertext was not made with the key of that ID for this context. */
export function decryptPrivateKey(
  encrypted: EncryptedKey,
  { keys }: KeyEncryptionKeys,
  context: EncryptionContext,
): PrivateJwk | undefined {
  const { keyEncryptionKey, iv, ciphertext, tag } = encrypted
  const key = keys.get(keyEncryptionKey)
  if (key === undefined) return undefined
  try {
    const bytes = (text: string) => Buffer.from(text, 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes(iv), { authTagLength: tagLength })
    decipher.setAAD(additionalData(keyEncryptionKey, context))
    decipher.setAuthTag(bytes(tag))
    const text = Buffer.concat([decipher.update(bytes(ciphertext)), decipher.final()]).toString('utf8')
    // Not validated here: the caller checks it against the public half.
    return JSON.parse(text) as PrivateJwk
  } catch {
    return undefined
  }
}

/** Whether a stored value has the form of an encrypted key, including the lengths of initialisation vector and tag. */
export function isEncryptedKey(value: unknown): value is EncryptedKey {
  if (!isRecord(value)) return false
  const { keyEncryptionKey, iv, ciphertext, tag } = value
  const isBytes = (text: unknown, length?: number): boolean =>
    typeof text === 'string' &&
    isCanonicalBase64url(text) &&
    (length === undefined || Buffer.byteLength(text, 'base64url') === length)
  return (
    typeof keyEncryptionKey === 'string' &&
    idForm.test(keyEncryptionKey) &&
    isBytes(iv, ivLength) &&
    isBytes(ciphertext) &&
    isBytes(tag, tagLength)
  )
}

function additionalData(keyEncryptionKey: string, { subject, keyID }: EncryptionContext): Buffer {
  return Buffer.from(JSON.stringify(['signet.dev/key-ring', keyEncryptionKey, subject ?? null, keyID]))
}
