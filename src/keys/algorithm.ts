import { constants } from 'node:crypto'

/** The signature algorithms that Signet uses and accepts (RFC 7518 §3.1, RFC 8037 §3.1). */
export const algorithms = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'] as const

export type Algorithm = (typeof algorithms)[number]

/** The size of RSA keys in bits: of generated keys, and the limits of accepted ones (RFC 7518 §3.3). */
export const rsaKeyBits = { generated: 2048, least: 2048, most: 8192 } as const

/** The properties of an algorithm. No other code distinguishes algorithms by name. */
interface AlgorithmParameters {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  /** The curve (RFC 7518 §6.2.1.1, RFC 8037 §2); absent for RSA. */
  readonly crv?: 'P-256' | 'P-384' | 'Ed25519'
  /** The length of each coordinate of the public key, `x` and `y`, in bytes; absent for RSA. */
  readonly coordinateLength?: number
  /** The length of a signature in bytes; absent for RSA, whose signatures are as long as the modulus. */
  readonly signatureLength?: number
  /** The digest's name in `node:crypto`; null if the algorithm includes its digest (EdDSA). */
  readonly digest: 'sha256' | 'sha384' | null
  /**
   * Options of `node:crypto` for signing and verifying. Without options the key is passed alone, because wrapping it in
   * an object takes a third longer.
   */
  readonly options?: { readonly padding: number; readonly saltLength: number }
  /** Whether signing takes so long (most of a millisecond) that it runs on the thread pool. */
  readonly slow: boolean
}

/** The table of all algorithms. */
export const algorithmParameters: Readonly<Record<Algorithm, AlgorithmParameters>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    coordinateLength: 32,
    signatureLength: 64,
    digest: 'sha256',
    slow: false,
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    coordinateLength: 48,
    signatureLength: 96,
    digest: 'sha384',
    slow: true,
  },
  // Without options `node:crypto` uses PKCS #1 v1.5 for RSA keys.
  RS256: { kty: 'RSA', digest: 'sha256', slow: true },
  PS256: {
    kty: 'RSA',
    digest: 'sha256',
    // RFC 7518 §3.5: the salt is as long as the digest.
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    slow: true,
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    coordinateLength: 32,
    signatureLength: 64,
    digest: null,
    slow: false,
  },
}

export function isAlgorithm(value: unknown): value is Algorithm {
  return algorithms.some((algorithm) => algorithm === value)
}
