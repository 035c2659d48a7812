import { inspect } from 'node:util'
import fc from 'fast-check'
import { CompactSign, compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { type Algorithm, algorithms } from '../../src/keys/algorithm.ts'
import { parsePublicJwk } from '../../src/keys/public-jwk.ts'
import { createSigner } from '../../src/keys/signer.ts'
import type { PrivateJwk } from '../../src/keys/signing-key.ts'
import { verifySignature } from '../../src/keys/verify-signature.ts'
import { keys } from '../fixtures/keys/keys.ts'
import vectors from '../fixtures/vectors/rfc.json' with { type: 'json' }

const signerOf = (algorithm: Algorithm) => createSigner({ ...keys[algorithm], algorithm })
const dot = '.'

describe('createSigner', () => {
  it.each(algorithms)('signs with %s what jose verifies, and the reverse', async (algorithm) => {
    const { publicJwk, privateJwk } = keys[algorithm]
    const signer = signerOf(algorithm)
    const theirPublic = await importJWK({ ...publicJwk }, algorithm)
    const theirPrivate = await importJWK({ ...privateJwk }, algorithm)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (payload) => {
        const header = Buffer.from(JSON.stringify({ alg: algorithm })).toString('base64url')
        const input = `${header}.${Buffer.from(payload).toString('base64url')}`
        const signature = await signer.sign(input)
        const verified = await compactVerify(`${input}.${signature.toString('base64url')}`, theirPublic)
        expect(Buffer.from(verified.payload)).toEqual(Buffer.from(payload))

        const theirs = await new CompactSign(payload).setProtectedHeader({ alg: algorithm }).sign(theirPrivate)
        const end = theirs.lastIndexOf(dot)
        expect(verifySignature(publicJwk, theirs.slice(0, end), Buffer.from(theirs.slice(end + 1), 'base64url'))).toBe(
          true,
        )
      }),
      { numRuns: 20 },
    )
  })

  it.each(vectors.jws)('agrees with $name', async ({ alg, key, signingInput, signature, deterministic }) => {
    const algorithm = alg as Algorithm
    const { kty, crv, x, y, n, e } = key as PrivateJwk
    const publicJwk = parsePublicJwk({ kty, crv, x, y, n, e, kid: 'vector', alg })
    expect(verifySignature(publicJwk, signingInput, Buffer.from(signature, 'base64url'))).toBe(true)
    const ours = await createSigner({ keyID: 'vector', algorithm, privateJwk: key as PrivateJwk }).sign(signingInput)
    expect(verifySignature(publicJwk, signingInput, ours)).toBe(true)
    expect(ours.toString('base64url') === signature).toBe(deterministic)
  })

  it('takes bytes and text alike', async () => {
    const signer = signerOf('EdDSA')
    expect(await signer.sign('é')).toEqual(await signer.sign(Buffer.from('é')))
  })

  it('refuses a key of another algorithm', () => {
    expect(() => createSigner({ ...keys.ES256, algorithm: 'ES384' })).toThrow(TypeError)
    expect(() => createSigner({ ...keys.RS256, algorithm: 'ES256' })).toThrow(TypeError)
  })

  it.each(algorithms)('I3: shows nothing of the private %s key', (algorithm) => {
    const signer = signerOf(algorithm)
    const shown = `${JSON.stringify(signer)}${inspect(signer, { depth: 10, showHidden: true })}`
    for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
      const value = keys[algorithm].privateJwk[name]
      if (value !== undefined) expect(shown).not.toContain(value)
    }
    expect(Object.keys(signer).sort()).toEqual(['algorithm', 'keyID', 'sign'])
  })
})
