import { createPrivateKey, generateKeyPair, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { type Algorithm, algorithmParameters, rsaKeyBits } from './algorithm.ts'
import { importPublicKey, parsePublicJwk, type PublicJwk, thumbprint } from './public-jwk.ts'

/**
 * The private half of a signing key (RFC 7518 §6), with the public members needed to import it. Exists only in the key
 * ring's Secret and in the memory of signers (I3).
 */
export interface PrivateJwk {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
  readonly d: string
  readonly p?: string
  readonly q?: string
  readonly dp?: string
  readonly dq?: string
  readonly qi?: string
}

/** A key pair. */
export interface SigningKey {
  /** The thumbprint of the key (RFC 7638), which is also its `kid`. */
  readonly keyID: string
  readonly publicJwk: PublicJwk
  readonly privateJwk: PrivateJwk
}

const generate = promisify(generateKeyPair)

/**
 * Generates a key pair on the thread pool. With a subject, the public half is bound to it: tokens signed by the key may
 * have no other `sub`.
 */
export async function generateSigningKey(algorithm: Algorithm, subject?: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generatePair(algorithm)
  const material = publicKey.export({ format: 'jwk' }) as Pick<PublicJwk, 'kty' | 'crv' | 'x' | 'y' | 'n' | 'e'>
  const keyID = thumbprint(material)
  const publicJwk = parsePublicJwk({
    ...material,
    kid: keyID,
    alg: algorithm,
    use: 'sig',
    ...(subject === undefined ? {} : { sub: subject }),
  })
  return { keyID, publicJwk, privateJwk: privateKey.export({ format: 'jwk' }) as unknown as PrivateJwk }
}

function generatePair(algorithm: Algorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  const { kty, crv } = algorithmParameters[algorithm]
  if (kty === 'EC') return generate('ec', { namedCurve: crv ?? '' })
  if (kty === 'OKP') return generate('ed25519')
  return generate('rsa', { modulusLength: rsaKeyBits.generated, publicExponent: 0x10001 })
}

const probe = Buffer.from('signet key pair check')

/**
 * Whether a stored key is intact: the public half parses, its `kid` is its thumbprint, its `alg` matches, and it
 * verifies a signature by the private half, if there is one. Never throws, so that no message can contain a damaged
 * key.
 */
export function checkKeyPair(publicJwk: PublicJwk, privateJwk: PrivateJwk | undefined): boolean {
  try {
    const parsed = parsePublicJwk(publicJwk)
    if (thumbprint(parsed) !== parsed.kid) return false
    if (privateJwk === undefined) return true
    const same = (['kty', 'crv', 'x', 'y', 'n', 'e'] as const).every((name) => privateJwk[name] === parsed[name])
    if (!same) return false
    const { digest, options } = algorithmParameters[parsed.alg]
    const signature = sign(digest, probe, { key: importPrivateKey(privateJwk), ...options })
    return verify(digest, probe, { key: importPublicKey(parsed), ...options }, signature)
  } catch {
    return false
  }
}

/** Imports a private JWK as a key of `node:crypto`. Throws a TypeError without detail if it is not a key (I3). */
export function importPrivateKey(privateJwk: PrivateJwk): KeyObject {
  try {
    return createPrivateKey({ key: privateJwk as unknown as JsonWebKey, format: 'jwk' })
  } catch {
    throw new TypeError('private JWK is not a key')
  }
}
