import { describe, expect, it } from 'vitest'
import { algorithms } from '../../src/keys/algorithm.ts'
import { parsePublicJwk, type PublicJwk } from '../../src/keys/public-jwk.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { verifySignature } from '../../src/keys/verify-signature.ts'
import { keys } from '../fixtures/keys/keys.ts'
import wycheproof from '../fixtures/vectors/wycheproof-signatures.json' with { type: 'json' }

const bytes = (text: string): Buffer => Buffer.from(text, 'base64url')

describe('verifySignature', () => {
  it.each(algorithms)('judges every Wycheproof vector of %s as it should be', (algorithm) => {
    const wrong: unknown[] = []
    let judged = 0
    for (const { key, file, tests } of wycheproof.groups.filter((group) => group.key.alg === algorithm)) {
      const jwk = parse({ ...key, kid: 'vector' })
      for (const [id, message, signature, result] of tests as [number, string, string, string][]) {
        const verified = jwk !== undefined && verifySignature(jwk, bytes(message), bytes(signature))
        // An acceptable signature may be taken or refused.
        if (result !== 'acceptable' && verified !== (result === 'valid')) wrong.push({ file, id, verified })
        judged += 1
      }
    }
    expect(wrong).toEqual([])
    expect(judged).toBeGreaterThan(80)
  })

  it.each(algorithms)('refuses an %s signature of another length', async (algorithm) => {
    const signature = await createSigner({ ...keys[algorithm], algorithm }).sign('data')
    const { publicJwk } = keys[algorithm]
    expect(verifySignature(publicJwk, 'data', signature)).toBe(true)
    expect(verifySignature(publicJwk, 'data', signature.subarray(1))).toBe(false)
    expect(verifySignature(publicJwk, 'data', Buffer.concat([signature, Buffer.alloc(1)]))).toBe(false)
    expect(verifySignature(publicJwk, 'data', Buffer.alloc(0))).toBe(false)
    expect(verifySignature(publicJwk, 'data ', signature)).toBe(false)
  })

  it('refuses the signature of another key', async () => {
    const signature = await createSigner({ ...keys.other, algorithm: 'ES256' }).sign('data')
    expect(verifySignature(keys.ES256.publicJwk, 'data', signature)).toBe(false)
  })
})

function parse(key: unknown): PublicJwk | undefined {
  try {
    return parsePublicJwk(key)
  } catch {
    return undefined
  }
}
