import { type KeyObject, verify } from 'node:crypto'
import { algorithmParameters } from './algorithm.ts'
import { ecdsaToDer } from './ecdsa-signature.ts'
import { importPublicKey, type PublicJwk } from './public-jwk.ts'

type VerifyInput = KeyObject | { readonly key: KeyObject; readonly padding: number; readonly saltLength: number }

/** Imported keys by JWK, for the lifetime of the JWK object. */
const inputs = new WeakMap<PublicJwk, VerifyInput>()

/**
 * Whether the key made the JWS signature (RFC 7518 §3) of the data; a string is encoded as UTF-8. Imports the key once
 * per JWK object, so callers should pass the same object for the same key. Throws a JwkError if the JWK is not a key.
 */
export function verifySignature(jwk: PublicJwk, data: Uint8Array | string, signature: Uint8Array): boolean {
  const { digest, options, signatureLength, kty } = algorithmParameters[jwk.alg]
  if (signatureLength !== undefined && signature.length !== signatureLength) return false
  let input = inputs.get(jwk)
  if (input === undefined) {
    const key = importPublicKey(jwk)
    input = options === undefined ? key : { key, ...options }
    inputs.set(jwk, input)
  }
  const bytes = typeof data === 'string' ? Buffer.from(data) : data
  return verify(digest, bytes, input, kty === 'EC' ? ecdsaToDer(signature) : signature)
}
