import { describe, expect, it } from 'vitest'
import { redact } from '../../src/telemetry/redact.ts'
import { makeToken } from '../builders/token.ts'

describe('redact', () => {
  it('replaces every token, and leaves what is around it', async () => {
    const token = await makeToken()
    expect(redact(`a ${token} b ${token}`)).toBe('a [redacted] b [redacted]')
  })

  it('replaces a PEM block, also one that is cut off', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nMIGH\n'
    expect(redact(`key: ${pem}-----END PRIVATE KEY-----, x`)).toBe('key: [redacted], x')
    expect(redact(`key: ${pem}`)).toBe('key: [redacted]')
  })

  it('leaves names, key IDs and subjects alone', () => {
    const text = 'spiffe://cluster.local/ns/shop/sa/eyJ 3vKx-eyJabc token-1'
    expect(redact(text)).toBe(text)
  })
})
