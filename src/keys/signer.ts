import { type KeyObject, sign } from 'node:crypto'
import { type Algorithm, algorithmParameters } from './algorithm.ts'
import { ecdsaFromDer } from './ecdsa-signature.ts'
import { importPrivateKey, type PrivateJwk } from './signing-key.ts'

/** Signs with one key. Exposes no private key, not even if it is logged or serialized (I3). */
export interface Signer {
  readonly keyID: string
  readonly algorithm: Algorithm
  /** Resolves with the JWS signature (RFC 7518 §3) of the data; a string is encoded as UTF-8. */
  sign(data: Uint8Array | string): Promise<Buffer>
}

interface SignerOptions {
  readonly keyID: string
  readonly algorithm: Algorithm
  readonly privateJwk: PrivateJwk
}

/**
 * Creates a signer for a key that passed `checkKeyPair`. Throws a TypeError if the key does not match the algorithm.
 */
export function createSigner({ keyID, algorithm, privateJwk }: SignerOptions): Signer {
  const { kty, crv, digest, options, slow, signatureLength } = algorithmParameters[algorithm]
  if (privateJwk.kty !== kty || privateJwk.crv !== crv)
    throw new TypeError(`key ${keyID} is not a key for ${algorithm}`)
  const key = importPrivateKey(privateJwk)
  const input = options === undefined ? key : { key, ...options }
  return {
    keyID,
    algorithm,
    async sign(data) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data
      const signature = slow ? await signOnThreadPool(digest, bytes, input) : sign(digest, bytes, input)
      return kty === 'EC' && signatureLength !== undefined ? ecdsaFromDer(signature, signatureLength) : signature
    },
  }
}

type SignInput = KeyObject | { readonly key: KeyObject }

function signOnThreadPool(digest: string | null, data: Uint8Array, input: SignInput): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign(digest, data, input, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}
