import { type KeyObject, sign } from 'node:crypto'
import { type Algorithm, algorithmParameters } from './algorithm.ts'
import { ecdsaFromDer } from './ecdsa-signature.ts'
import { importPrivateKey, type PrivateJwk } from './signing-key.ts'

/** Signs with one key. Shows the key's public facts only, also when it is logged or serialised (I3). */
export interface Signer {
  readonly keyID: string
  readonly algorithm: Algorithm
  /** The JWS signature (RFC 7518 §3) of the data; a text is taken as UTF-8. */
  sign(data: Uint8Array | string): Promise<Buffer>
}

interface SignerOptions {
  readonly keyID: string
  readonly algorithm: Algorithm
  readonly privateJwk: PrivateJwk
}

/** A signer of a key that `checkKeyPair` has found whole. Throws a TypeError where it is no key of the algorithm. */
export function createSigner({ keyID, algorithm, privateJwk }: SignerOptions): Signer {
  const { kty, crv, digest, options, slow, signatureLength } = algorithmParameters[algorithm]
  if (privateJwk.kty !== kty || privateJwk.crv !== crv) throw new TypeError(`key ${keyID} is no key for ${algorithm}`)
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
