import { describe, expect, it } from 'vitest'
import { createSigner } from '../../src/keys/signer.ts'
import { parseCompact } from '../../src/tokens/compact.ts'
import { tokenFingerprint } from '../../src/tokens/fingerprint.ts'
import { twinOf } from '../builders/spellings.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { makeToken } from '../builders/token.ts'

const of = (token: string) => tokenFingerprint(parseCompact(token))

describe('the fingerprint of a token', () => {
  it('is that of its twin, whichever of the two comes first', async () => {
    for (let round = 0; round < 20; round++) {
      const token = await makeToken({ claims: { jti: `token-${round}` } })
      expect(twinOf(token)).not.toBe(token)
      expect(of(twinOf(token))).toBe(of(token))
      expect(of(twinOf(twinOf(token)))).toBe(of(token))
    }
  })

  it('is another for every other signature of the same claims, and for other claims of the same signature', async () => {
    const token = await makeToken()
    const [header = '', claims = '', signature = ''] = token.split('.')
    const again = await makeToken()
    expect(again).not.toBe(token)
    const raw = Buffer.from(signature, 'base64url')
    const flipped = Array.from(raw, (byte, index) => {
      const copy = Buffer.from(raw)
      copy[index] = byte ^ 1
      return `${header}.${claims}.${copy.toString('base64url')}`
    })
    const prints = [
      token,
      again,
      ...flipped,
      `${claims}.${claims}.${signature}`,
      `${header}.${header}.${signature}`,
    ].map(of)
    expect(new Set(prints).size).toBe(prints.length)
  })

  it('leaves an invalid signature unchanged', () => {
    const part = Buffer.from('{"alg":"ES256"}').toString('base64url')
    for (const raw of [Buffer.alloc(64, 0xff), Buffer.alloc(63, 1), Buffer.alloc(1), Buffer.alloc(64)]) {
      expect(of(`${part}.${part}.${raw.toString('base64url')}`)).toMatch(/^[A-Za-z0-9_-]{43}$/)
    }
  })

  it('knows the twin of ES384 too, and leaves algorithms without one alone', async () => {
    const n = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n
    const token = await makeToken({ key: keys.ES384 })
    const end = token.lastIndexOf('.') + 1
    const raw = Buffer.from(token.slice(end), 'base64url')
    const s = (n - BigInt(`0x${raw.subarray(48).toString('hex')}`)).toString(16).padStart(96, '0')
    const twin = Buffer.concat([raw.subarray(0, 48), Buffer.from(s, 'hex')])
    expect(of(`${token.slice(0, end)}${twin.toString('base64url')}`)).toBe(of(token))
    const edwards = await makeToken({ key: keys.EdDSA })
    expect(of(edwards)).toBe(of(edwards))
    const { keyID, privateJwk } = keys.RS256
    expect((await createSigner({ keyID, algorithm: 'RS256', privateJwk }).sign('x')).length).toBe(256)
    expect(of(await makeToken({ key: keys.RS256 }))).not.toBe(of(await makeToken({ key: keys.PS256 })))
  })
})
