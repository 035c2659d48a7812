import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  decryptPrivateKey,
  encryptPrivateKey,
  type EncryptedKey,
  isEncryptedKey,
  KeyEncryptionError,
  parseKeyEncryptionKeys,
} from '../../../src/keys/key-ring/encryption.ts'
import { keys as fixtures } from '../../fixtures/keys/keys.ts'

const bytes = (length = 32) => randomBytes(length).toString('base64')
const file = `# newest first\n2026-06:${bytes()}\r\n\n2025-06:${bytes()}\n`
const keys = parseKeyEncryptionKeys(file)
const context = { subject: 'spiffe://cluster.local/ns/shop/sa/orders', keyID: 'kid' }
const { privateJwk } = fixtures.ES256

describe('the file of key-encryption keys', () => {
  it('has the key that encrypts first, and others that still decrypt', () => {
    expect(keys.current).toBe('2026-06')
    expect([...keys.keys.keys()]).toEqual(['2026-06', '2025-06'])
  })

  it.each([
    ['nothing', '', 'the file has no key'],
    ['comments alone', '# none\n', 'the file has no key'],
    ['no colon', `a:${bytes()}\n${bytes()}`, 'line 2 is not an ID, a colon and 32 bytes in base64'],
    ['no ID', `:${bytes()}`, 'line 1 is not'],
    ['an ID with a blank', `my key:${bytes()}`, 'line 1 is not'],
    ['a short key', `a:${bytes(16)}`, 'line 1 is not'],
    ['a long key', `a:${bytes(48)}`, 'line 1 is not'],
    ['base64url', `a:${Buffer.alloc(32, 255).toString('base64url')}`, 'line 1 is not'],
    ['stray bits', `a:${Buffer.alloc(32).toString('base64').slice(0, 42)}B=`, 'line 1 is not'],
    ['an ID twice', `a:${bytes()}\na:${bytes()}`, 'line 2 repeats an ID'],
  ])('is refused with %s', (_title, text, message) => {
    expect(() => parseKeyEncryptionKeys(text)).toThrow(KeyEncryptionError)
    expect(() => parseKeyEncryptionKeys(text)).toThrow(message)
  })

  it('I3: is never shown where it is refused', () => {
    const secret = bytes(48)
    try {
      parseKeyEncryptionKeys(`a:${secret}`)
      expect.unreachable()
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain(secret)
    }
  })
})

describe('an encrypted private key', () => {
  it('is decrypted by the key of its ID, also when that is no longer the current one', () => {
    const encrypted = encryptPrivateKey(privateJwk, keys, context)
    expect(encrypted.keyEncryptionKey).toBe('2026-06')
    expect(decryptPrivateKey(encrypted, { ...keys, current: '2025-06' }, context)).toEqual(privateJwk)
  })

  it('has the form that is read, and nothing of the key', () => {
    const encrypted = encryptPrivateKey(privateJwk, keys, context)
    expect(isEncryptedKey(encrypted)).toBe(true)
    expect(JSON.stringify(encrypted)).not.toContain(privateJwk.d)
  })

  it('is different each time', () => {
    const made = Array.from({ length: 100 }, () => encryptPrivateKey(privateJwk, keys, context))
    expect(new Set(made.map(({ iv }) => iv)).size).toBe(100)
    expect(new Set(made.map(({ ciphertext }) => ciphertext)).size).toBe(100)
  })

  it.each<[string, (encrypted: EncryptedKey) => Parameters<typeof decryptPrivateKey>]>([
    ['for another subject', (encrypted) => [encrypted, keys, { ...context, subject: 'spiffe://x/ns/a/sa/b' }]],
    ['for no subject', (encrypted) => [encrypted, keys, { ...context, subject: undefined }]],
    ['for another kid', (encrypted) => [encrypted, keys, { ...context, keyID: 'other' }]],
    ['under another ID', (encrypted) => [{ ...encrypted, keyEncryptionKey: '2025-06' }, keys, context]],
    ['under an unknown ID', (encrypted) => [{ ...encrypted, keyEncryptionKey: 'gone' }, keys, context]],
    ['with another vector', (encrypted) => [{ ...encrypted, iv: 'AAAAAAAAAAAAAAAA' }, keys, context]],
    ['with another tag', (encrypted) => [{ ...encrypted, tag: 'AAAAAAAAAAAAAAAAAAAAAA' }, keys, context]],
    ['cut short', (encrypted) => [{ ...encrypted, ciphertext: encrypted.ciphertext.slice(4) }, keys, context]],
  ])('is not decrypted %s', (_title, change) => {
    expect(decryptPrivateKey(...change(encryptPrivateKey(privateJwk, keys, context)))).toBeUndefined()
  })

  it('with one and the same ID and other bytes is not decrypted either', () => {
    const encrypted = encryptPrivateKey(privateJwk, keys, context)
    expect(decryptPrivateKey(encrypted, parseKeyEncryptionKeys(`2026-06:${bytes()}`), context)).toBeUndefined()
  })

  it.each([
    [{ iv: 'AAAA' }],
    [{ tag: 'AAAA' }],
    [{ ciphertext: '' }],
    [{ ciphertext: 'A+/=' }],
    [{ keyEncryptionKey: 'a key\nwith a line' }],
    [{ keyEncryptionKey: undefined }],
  ])('has another form with %j', (change) => {
    expect(isEncryptedKey({ ...encryptPrivateKey(privateJwk, keys, context), ...change })).toBe(false)
  })
})
